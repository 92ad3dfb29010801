import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EndpointSettings } from '../types/docker/network.ts';
import { type Link, linkAddress } from './links.ts';
import type { LiveContainer } from './live.ts';
import type { Room } from './room.ts';

const localHosts = `127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
ff00::0\tip6-mcastprefix
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
`;

/** What the three files are written from. */
export interface StartFiles {
  isHostNetwork: boolean;
  hostname: string;
  domainname: string;
  endpoints: Record<string, EndpointSettings>;
  links: readonly Link[];
  /** Address that `host-gateway` stands for. */
  hostGateway: string;
  dns: { servers: string[]; search: string[]; options: string[] };
}

/** Writes hosts, hostname and resolv.conf into the container's folder; they are mounted over the image's. */
export function writeStartFiles(container: Pick<LiveContainer, 'dir' | 'record'>, files: StartFiles): void {
  const { hostConfig } = container.record;
  const lines = (hostConfig.ExtraHosts ?? []).map((entry) => {
    const at = entry.includes(':') ? entry.indexOf(':') : entry.indexOf('=');
    const address = entry.slice(at + 1).replace(/^\[|\]$/g, '');
    return `${address === 'host-gateway' ? files.hostGateway : address}\t${entry.slice(0, at)}`;
  });
  for (const link of files.links) {
    const { hostname, name } = { hostname: link.container.record.config.Hostname ?? '', name: link.container.record.name };
    const names = [...new Set([link.alias, hostname, name])].filter(Boolean).join(' ');
    if (linkAddress(link)) lines.push(`${linkAddress(link)}\t${names}`);
  }
  const fullName = files.domainname ? `${files.hostname}.${files.domainname} ${files.hostname}` : files.hostname;
  if (!files.isHostNetwork) {
    for (const { IPAddress, GlobalIPv6Address } of Object.values(files.endpoints)) {
      if (IPAddress) lines.push(`${IPAddress}\t${fullName}`);
      if (GlobalIPv6Address) lines.push(`${GlobalIPv6Address}\t${fullName}`);
    }
  }
  const head = files.isHostNetwork ? hostFile('/etc/hosts', localHosts) : localHosts;
  write(container, 'hosts', `${head.replace(/\n*$/, '\n')}${lines.map((line) => `${line}\n`).join('')}`);
  write(container, 'hostname', `${files.hostname}\n`);
  write(container, 'resolv.conf', resolvConf(files.dns));
}

/** What goes into resolv.conf: the container's own settings over the daemon's over the network's; the embedded DNS stays the only server, it forwards to the others. */
export function resolverOf(
  room: Pick<Room, 'config'>,
  { record }: Pick<LiveContainer, 'record'>,
  given: StartFiles['dns'],
): StartFiles['dns'] {
  const { Dns, DnsSearch, DnsOptions } = record.hostConfig;
  const first = (...lists: (string[] | null | undefined)[]) => lists.find((list) => list?.length) ?? [];
  return {
    servers: given.servers.includes('127.0.0.11') ? given.servers : first(Dns, room.config.dns, given.servers),
    search: first(DnsSearch, room.config.dnsSearch, given.search).filter((one) => one !== '.'),
    options: first(DnsOptions, room.config.dnsOptions, given.options),
  };
}

/** resolv.conf as Docker writes it; an empty search list is left out. */
export function resolvConf(dns: StartFiles['dns']): string {
  return [
    ...dns.servers.map((server) => `nameserver ${server}`),
    ...(dns.search.length > 0 ? [`search ${dns.search.join(' ')}`] : []),
    ...(dns.options.length > 0 ? [`options ${dns.options.join(' ')}`] : []),
    '',
  ].join('\n');
}

/** Writes resolv.conf anew after a network was joined or left; in place, it is mounted. */
export function changeResolver(
  room: Pick<Room, 'config'>,
  container: Pick<LiveContainer, 'dir' | 'record'>,
  given: StartFiles['dns'],
): void {
  write(container, 'resolv.conf', resolvConf(resolverOf(room, container, given)));
}

/** Adds the container's own line for one more endpoint, or takes it away. The file is mounted, so it is changed in place. */
export function changeHosts(container: Pick<LiveContainer, 'dir'>, change: { add?: string; removeAddress?: string }): void {
  const path = join(container.dir, 'hosts');
  const lines = hostFile(path, localHosts).split('\n');
  const kept = change.removeAddress ? lines.filter((line) => !line.startsWith(`${change.removeAddress}\t`)) : lines;
  const text = kept.join('\n').replace(/\n*$/, '\n');
  writeFileSync(path, change.add ? `${text}${change.add}\n` : text);
}

function write(container: Pick<LiveContainer, 'dir'>, name: string, text: string): void {
  writeFileSync(join(container.dir, name), text, { mode: 0o644 });
}

function hostFile(path: string, otherwise: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return otherwise; // a host without the file
  }
}
