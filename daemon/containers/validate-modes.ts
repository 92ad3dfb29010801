import { isIP } from 'node:net';
import { invalidArgument } from '../errors/error.ts';
import type { ContainerConfig, HostConfig } from '../types/docker/container.ts';

/** The container a `container:X` mode names, or undefined for any other mode. */
export function joinedContainer(mode: string | undefined): string | undefined {
  return mode?.startsWith('container:') ? mode.slice('container:'.length) : undefined;
}

/** Checks namespace modes and what cannot go together with them, with Docker's texts. Returns warnings. */
export function checkModes(config: ContainerConfig, hostConfig: HostConfig): string[] {
  const { UTSMode = '', PidMode = '', IpcMode = '', UsernsMode = '', CgroupnsMode = '', Isolation = '' } = hostConfig;
  if (!['', 'host'].includes(UTSMode)) throw invalidArgument(`invalid UTS mode: ${UTSMode}`);
  if (!['', 'host', 'private'].includes(PidMode) && !joinedContainer(PidMode))
    throw invalidArgument(`invalid PID mode: ${PidMode}`);
  if (!['', 'host', 'none', 'private', 'shareable'].includes(IpcMode) && !joinedContainer(IpcMode)) {
    throw invalidArgument(`invalid IPC mode: ${IpcMode}`);
  }
  if (!['', 'host'].includes(UsernsMode)) throw invalidArgument('invalid userns mode: user namespaces are not enabled');
  if (!['', 'host', 'private'].includes(CgroupnsMode)) throw invalidArgument(`invalid cgroup namespace mode: ${CgroupnsMode}`);
  if (!['', 'default'].includes(Isolation)) throw invalidArgument(`invalid isolation '${Isolation}' on linux`);
  if (UTSMode === 'host' && config.Hostname) throw invalidArgument('conflicting options: hostname and the UTS mode');
  return checkNetworkMode(config, hostConfig);
}

function checkNetworkMode(config: ContainerConfig, hostConfig: HostConfig): string[] {
  const mode = hostConfig.NetworkMode ?? '';
  const isContainer = mode === 'container' || mode.startsWith('container:');
  const hasPorts = Object.keys(hostConfig.PortBindings ?? {}).length > 0 || hostConfig.PublishAllPorts === true;
  if (isContainer) {
    if (!joinedContainer(mode)) throw invalidArgument('invalid container format container:<name|id>');
    const conflicts: [boolean, string][] = [
      [Boolean(config.Hostname), 'hostname and the network mode'],
      [
        Boolean(hostConfig.Links?.length),
        "container type network can't be used with links. This would result in undefined behavior",
      ],
      [Boolean(hostConfig.Dns?.length), 'dns and the network mode'],
      [Boolean(hostConfig.ExtraHosts?.length), 'custom host-to-IP mapping and the network mode'],
      [Boolean(config.MacAddress), 'mac-address and the network mode'],
      [hasPorts, 'port publishing and the container type network mode'],
      [Object.keys(config.ExposedPorts ?? {}).length > 0, 'port exposing and the container type network mode'],
    ];
    const found = conflicts.find(([is]) => is);
    if (found) throw invalidArgument(`conflicting options: ${found[1]}`);
  }
  if (mode === 'host' && hostConfig.Links?.length) {
    throw invalidArgument(
      "conflicting options: host type networking can't be used with links. This would result in undefined behavior",
    );
  }
  return mode === 'host' && hasPorts ? ['Published ports are discarded when using host network mode'] : [];
}

const hardwareAddress = /^(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i;

/** Checks what is told about names and addresses: extra hosts, DNS servers, MAC. */
export function checkAddresses(config: ContainerConfig, hostConfig: HostConfig): void {
  for (const entry of hostConfig.ExtraHosts ?? []) {
    const at = entry.indexOf(':') >= 0 ? entry.indexOf(':') : entry.indexOf('=');
    const address = entry.slice(at + 1).replace(/^\[|\]$/g, '');
    if (at <= 0) throw invalidArgument(`bad format for add-host: ${JSON.stringify(entry)}`);
    if (address !== 'host-gateway' && isIP(address) === 0)
      throw invalidArgument(`invalid IP address in add-host: ${JSON.stringify(address)}`);
  }
  for (const server of hostConfig.Dns ?? []) {
    if (isIP(server) === 0) throw invalidArgument(`bad nameserver address: ${server}`);
  }
  if (config.MacAddress && !hardwareAddress.test(config.MacAddress)) {
    throw invalidArgument(`invalid mac address: ${config.MacAddress}`);
  }
}
