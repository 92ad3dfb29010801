import { isIP } from 'node:net';
import { invalidArgument } from '../../errors/error.ts';
import type { PortMap } from '../../types/docker/container.ts';
import type { PortRecord, PortWish } from '../record.ts';

/** Reads Docker's PortBindings. Ports without a binding are left out. Throws invalidArgument with Docker's texts for what is no port. */
export function readPortWishes(ports: PortMap): PortWish[] {
  const wishes: PortWish[] = [];
  for (const [key, bindings] of Object.entries(ports)) {
    if (!bindings || bindings.length === 0) continue;
    const match = /^(\d{1,5})(?:\/(\w+))?$/.exec(key);
    const proto = (match?.[2] ?? 'tcp').toLowerCase();
    const containerPort = Number(match?.[1] ?? 0);
    if (!match || containerPort > 65535 || containerPort === 0)
      throw invalidArgument(`invalid port specification: ${JSON.stringify(key)}`);
    if (proto !== 'tcp' && proto !== 'udp' && proto !== 'sctp') throw invalidArgument(`invalid protocol: ${proto}`);
    for (const { HostIp = '', HostPort = '' } of bindings) {
      if (HostIp !== '' && isIP(HostIp) === 0) throw invalidArgument(`invalid IP address: ${HostIp}`);
      readHostPorts(HostPort);
    }
    wishes.push({ proto, containerPort, bindings });
  }
  return wishes;
}

/** `''` and `0` ask for any port, `8000` for one, `8000-8010` for one of several. Throws invalidArgument. */
export function readHostPorts(text: string): { first: number; last: number } | undefined {
  if (text === '' || text === '0') return undefined;
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (!match || first > 65535 || last > 65535 || last < first)
    throw invalidArgument(`invalid port specification: ${JSON.stringify(text)}`);
  return { first, last };
}

/** Published ports as inspect tells them. */
export function portMapOf(ports: readonly PortRecord[]): PortMap {
  const map: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const { proto, containerPort, hostIp, hostPort } of ports) {
    const key = `${containerPort}/${proto}`;
    map[key] = [...(map[key] ?? []), { HostIp: hostIp, HostPort: String(hostPort) }];
  }
  return map;
}
