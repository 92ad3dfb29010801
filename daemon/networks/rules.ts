/*
 * The text of our nft rules: pure functions from networks and ports to commands. One table for IPv4 and one for IPv6, named after the daemon's instance, so two
 * daemons on one host and everybody else's rules are left alone. What changes with networks and ports are elements of sets and maps, so a change is one small
 * transaction and looking up a port costs the same for one and for a thousand.
 */
import { formatPrefix, parseCidr } from '../lib/ip.ts';
import type { NetworkRecord, PortRecord } from './record.ts';

/** The port on a bridge's address that containers' queries to 127.0.0.11 are sent to; the host's rules lead it on to the daemon's server. */
export const dnsRelayPort = 53053;

/** What the rules of a network are made of. */
export interface NetworkRules {
  network: NetworkRecord;
  bridge: string;
  isMasqueraded: boolean;
}

/** The families of rules. */
export type Family = 'ip' | 'ip6';

const addressType = { ip: 'ipv4_addr', ip6: 'ipv6_addr' } as const;

/** What the rules must know of the host. */
export interface HostFacts {
  /** Where the daemon's DNS server listens on 127.0.0.1. */
  dnsPort: number | undefined;
  /** Forwarding is dropped by others (forward-policy.ts): outsiders are served by the daemon's sockets. */
  isForwardBlocked: boolean;
}

/** Replaces the whole table of a family by an empty one of ours, in the same transaction as what follows. */
export function baseRules(family: Family, table: string, { dnsPort, isForwardBlocked }: HostFacts): string[] {
  const t = `${family} ${table}`;
  const type = addressType[family];
  const chain = (name: string, kind: string, hook: string, priority: number): string =>
    `add chain ${t} ${name} { type ${kind} hook ${hook} priority ${priority}; policy accept; }`;
  const common = [
    `add table ${t}`,
    `delete table ${t}`,
    `add table ${t}`,
    `add set ${t} bridges { type ifname; }`,
    `add map ${t} from { type ifname : verdict; }`,
    `add map ${t} to { type ifname : verdict; }`,
    `add set ${t} subnets { type ${type} . ifname; flags interval; }`,
    `add set ${t} masqueraded { type ${type}; flags interval; }`,
    chain('forward', 'filter', 'forward', 0),
    `add rule ${t} forward ct state established,related accept`,
    `add rule ${t} forward ct status dnat accept`, // published ports may be reached from every network
    `add rule ${t} forward iifname vmap @from`,
    `add rule ${t} forward oifname vmap @to`,
    chain('postrouting', 'nat', 'postrouting', 100),
    ...(family === 'ip' ? [`add rule ${t} postrouting oifname @bridges ip saddr 127.0.0.0/8 masquerade`] : []),
    `add rule ${t} postrouting ${family} saddr @masqueraded ${family} saddr . oifname != @subnets masquerade`,
  ];
  return family === 'ip' ? [...common, ...publishingRules(t, chain, { dnsPort, isForwardBlocked })] : common;
}

function publishingRules(
  t: string,
  chain: (name: string, kind: string, hook: string, priority: number) => string,
  { dnsPort, isForwardBlocked }: HostFacts,
): string[] {
  return [
    `add map ${t} by_address { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }`,
    `add map ${t} by_port { type inet_proto . inet_service : ipv4_addr . inet_service; }`,
    // route_localnet is on for our bridges: what claims to go to the host's loopback from there is forged
    chain('raw', 'filter', 'prerouting', -300),
    `add rule ${t} raw iifname @bridges ip daddr 127.0.0.0/8 drop`,
    `add chain ${t} published`,
    `add rule ${t} published dnat ip to ip daddr . meta l4proto . th dport map @by_address`,
    `add rule ${t} published dnat ip to meta l4proto . th dport map @by_port`,
    chain('prerouting', 'nat', 'prerouting', -100),
    ...(dnsPort === undefined ? [] : [dnsRule(t, dnsPort)]),
    // Containers that come by a published port are served by the daemon's own socket, as by docker-proxy: with br_netfilter an answer to a neighbour or to itself would not come back.
    `add rule ${t} prerouting iifname @bridges return`,
    ...(isForwardBlocked ? [] : [`add rule ${t} prerouting fib daddr type local jump published`]),
    chain('output', 'nat', 'output', -100),
    `add rule ${t} output fib daddr type local jump published`,
  ];
}

function dnsRule(t: string, port: number): string {
  return `add rule ${t} prerouting iifname @bridges fib daddr type local meta l4proto { tcp, udp } th dport ${dnsRelayPort} dnat to 127.0.0.1:${port}`;
}

function subnetsOf(network: NetworkRecord, family: Family): string[] {
  const version = family === 'ip' ? 4 : 6;
  return network.ipam.Config.map((one) => parseCidr(one.Subnet)?.prefix)
    .filter((one) => one?.version === version)
    .map((one) => (one ? formatPrefix(one) : ''));
}

/** The rules that come with a network. */
export function networkRules(family: Family, table: string, { network, bridge, isMasqueraded }: NetworkRules): string[] {
  const t = `${family} ${table}`;
  const [from, to] = chainsOf(network);
  const subnets = subnetsOf(network, family);
  const quoted = `"${bridge}"`;
  const sources = network.internal || !isMasqueraded ? [] : subnets;
  return [
    ...[from, to].map((name) => `add chain ${t} ${name}`),
    `add rule ${t} ${from} oifname ${quoted} accept`,
    ...(network.internal ? [`add rule ${t} ${from} drop`] : [`add rule ${t} ${from} oifname @bridges drop`]),
    `add rule ${t} ${to} iifname ${quoted} accept`,
    `add rule ${t} ${to} drop`, // only established connections and published ports come in from outside
    `add element ${t} bridges { ${quoted} }`,
    `add element ${t} from { ${quoted} : goto ${from} }`,
    `add element ${t} to { ${quoted} : goto ${to} }`,
    ...subnets.map((subnet) => `add element ${t} subnets { ${subnet} . ${quoted} }`),
    ...sources.map((subnet) => `add element ${t} masqueraded { ${subnet} }`),
  ];
}

/** Takes back what `networkRules` made. */
export function removeNetworkRules(family: Family, table: string, { network, bridge, isMasqueraded }: NetworkRules): string[] {
  const t = `${family} ${table}`;
  const quoted = `"${bridge}"`;
  const subnets = subnetsOf(network, family);
  const sources = network.internal || !isMasqueraded ? [] : subnets;
  return [
    ...sources.map((subnet) => `delete element ${t} masqueraded { ${subnet} }`),
    ...subnets.map((subnet) => `delete element ${t} subnets { ${subnet} . ${quoted} }`),
    ...['bridges', 'from', 'to'].map((name) => `delete element ${t} ${name} { ${quoted} }`),
    ...chainsOf(network).map((name) => `flush chain ${t} ${name}; delete chain ${t} ${name}`),
  ];
}

function chainsOf(network: NetworkRecord): [string, string] {
  const id = network.id.slice(0, 12);
  return [`from_${id}`, `to_${id}`];
}

/** True for a port that a rule can publish; the others are carried by a proxy in the daemon. */
export function isRulePublished(port: PortRecord): boolean {
  return !port.hostIp.includes(':');
}

/** Leads ports of the host to a container, or ends that. */
export function portRules(verb: 'add' | 'delete', table: string, ports: readonly PortRecord[], address: string): string[] {
  const commands: string[] = [];
  for (const map of ['by_address', 'by_port']) {
    const elements = ports
      .filter((port) => isRulePublished(port) && (port.hostIp === '0.0.0.0') === (map === 'by_port'))
      .map((port) => {
        const key = `${map === 'by_address' ? `${port.hostIp} . ` : ''}${port.proto} . ${port.hostPort}`;
        return verb === 'delete' ? key : `${key} : ${address} . ${port.containerPort}`;
      });
    if (elements.length > 0) commands.push(`${verb} element ip ${table} ${map} { ${elements.join(', ')} }`);
  }
  return commands;
}

/** The table inside a container's namespace that makes 127.0.0.11 answer: queries go to `gateway`, as from the container's own address. */
export function resolverRules(gateway: string): string {
  return [
    'table ip pouchd_dns {',
    '  chain raw { type filter hook prerouting priority -300; policy accept; iifname != "lo" ip daddr 127.0.0.0/8 drop; }',
    `  chain output { type nat hook output priority -100; policy accept; ${resolverRule(gateway)}; }`,
    '  chain postrouting { type nat hook postrouting priority 100; policy accept; oifname != "lo" ip saddr 127.0.0.0/8 masquerade; }',
    '}',
  ].join('\n');
}

/** The same table led to another gateway. */
export function moveResolverRules(gateway: string): string {
  return `flush chain ip pouchd_dns output\nadd rule ip pouchd_dns output ${resolverRule(gateway)}`;
}

function resolverRule(gateway: string): string {
  return `ip daddr 127.0.0.11 meta l4proto { tcp, udp } th dport 53 dnat to ${gateway}:${dnsRelayPort}`;
}
