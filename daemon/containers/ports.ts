import { isIP } from 'node:net';
import { invalidArgument } from '../errors/error.ts';
import type { ContainerConfig, HostConfig, PortMap, PortSummary } from '../types/docker/container.ts';

/** Checks `80/tcp`-like keys and host ports. Throws invalidArgument with Docker's texts. */
export function checkPorts(config: ContainerConfig, hostConfig: HostConfig): void {
  for (const port of Object.keys(config.ExposedPorts ?? {})) parsePort(port);
  for (const [port, bindings] of Object.entries(hostConfig.PortBindings ?? {})) {
    parsePort(port);
    for (const { HostIp = '', HostPort = '' } of bindings ?? []) {
      if (HostPort !== '' && !isRange(HostPort)) throw invalidArgument(`invalid port specification: ${JSON.stringify(HostPort)}`);
      if (HostIp !== '' && isIP(HostIp.replace(/^\[|\]$/g, '')) === 0)
        throw invalidArgument(`invalid host IP address: ${HostIp}`);
    }
  }
}

/** `80` -> 80, tcp; `53/udp` -> 53, udp. */
export function parsePort(text: string): { port: number; protocol: string } {
  const [number = '', protocol = 'tcp', ...more] = text.split('/');
  const isNumber = /^\d+$/.test(number) && Number(number) <= 65535;
  const isRanged = /^\d+-\d+$/.test(number) && isRange(number);
  if (more.length > 0 || !(isNumber || isRanged)) throw invalidArgument(`invalid port specification: ${JSON.stringify(text)}`);
  if (!['tcp', 'udp', 'sctp'].includes(protocol.toLowerCase())) throw invalidArgument(`invalid proto: ${protocol}`);
  return { port: Number.parseInt(number, 10), protocol: protocol.toLowerCase() };
}

function isRange(text: string): boolean {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  if (!match) return false;
  const from = Number(match[1]);
  const to = Number(match[2] ?? from);
  return from <= to && to <= 65535;
}

/** What is to be published: the bindings, and with PublishAllPorts every exposed port on an ephemeral one. */
export function wantedPorts(config: ContainerConfig, hostConfig: HostConfig): PortMap {
  const ports: PortMap = {};
  for (const [port, bindings] of Object.entries(hostConfig.PortBindings ?? {})) {
    const { port: number, protocol } = parsePort(port);
    if (bindings) ports[`${number}/${protocol}`] = bindings.length > 0 ? bindings : [{ HostIp: '', HostPort: '' }];
  }
  if (hostConfig.PublishAllPorts) {
    for (const port of exposedPorts(config)) ports[port] ??= [{ HostIp: '', HostPort: '' }];
  }
  return ports;
}

/** Exposed ports, normalised to `80/tcp`. */
function exposedPorts(config: ContainerConfig): string[] {
  return Object.keys(config.ExposedPorts ?? {}).map((port) => {
    const { port: number, protocol } = parsePort(port);
    return `${number}/${protocol}`;
  });
}

/** Inspect's `Ports` of a running container: what is published, and `null` for what is only exposed. */
export function shownPorts(config: ContainerConfig, published: PortMap): PortMap {
  const ports: PortMap = {};
  for (const port of exposedPorts(config)) ports[port] = null;
  return { ...ports, ...published };
}

/** The rows of the list, as `docker ps` prints them. */
export function portRows(ports: PortMap): PortSummary[] {
  return Object.entries(ports).flatMap(([key, bindings]) => {
    const { port, protocol } = parsePort(key);
    if (!bindings?.length) return [{ PrivatePort: port, Type: protocol }];
    return bindings.map(({ HostIp, HostPort }) => ({
      IP: HostIp ?? '',
      PrivatePort: port,
      PublicPort: Number(HostPort),
      Type: protocol,
    }));
  });
}
