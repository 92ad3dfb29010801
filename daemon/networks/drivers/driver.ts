import { formatAddress, parseAddress } from '../../lib/ip.ts';
import type { EndpointRecord, NetworkRecord } from '../record.ts';
import type { NetworkRules } from '../rules.ts';

/** How an endpoint gets into a namespace, as `ip -batch` lines. They run in this order: on the host, inside, on the host. */
export interface WirePlan {
  hostBefore: string[];
  /** Leaves an interface named `endpoint.ifname` that is up and has its addresses. Routes are the room's work. */
  inside: string[];
  hostAfter: string[];
}

/** Where an endpoint goes. */
export interface WireTarget {
  netnsPath: string;
  /** A process in the daemon's own namespace, for commands that run inside. */
  hostPid: number;
}

/** The `ip` lines that give an endpoint's interface its addresses and bring it up. */
export function addressLines({ ifname, address4, address6, requested }: EndpointRecord): string[] {
  const linkLocal = (requested.ipamConfig?.LinkLocalIPs ?? []).map(parseAddress).filter((one) => one !== undefined);
  return [
    ...(address4 ? [`addr add ${address4} broadcast + dev ${ifname}`] : []),
    ...(address6 ? [`addr add ${address6} dev ${ifname} nodad`] : []),
    ...linkLocal.map((one) => `addr add ${formatAddress(one)}/${one.version === 4 ? 16 : 64} dev ${ifname}`),
    `link set dev ${ifname} up`,
  ];
}

/**
 * One kind of network. The room does the common work (records, addresses, names, routes, ports); a driver makes the network on the host and says how an
 * endpoint is wired. A driver in another process (Docker's NetworkDriver protocol) fits behind the same calls.
 */
export interface NetworkDriver {
  readonly name: string;
  /** False for host and none: endpoints have no interface and no address. */
  readonly hasInterfaces: boolean;
  /** True when endpoints have a host's bridge: ports can be published, and 127.0.0.11 answers. */
  readonly isBridged: boolean;
  /** Throws invalidArgument for options it cannot take, with Docker's texts. Called before anything is saved. */
  check(network: NetworkRecord, others: readonly NetworkRecord[]): void;
  /** Makes what the network needs on the host; does nothing where it is there already (daemon restart). */
  ensure(network: NetworkRecord): Promise<void>;
  remove(network: NetworkRecord): Promise<void>;
  plan(network: NetworkRecord, endpoint: EndpointRecord, target: WireTarget): WirePlan | Promise<WirePlan>;
  /** Host commands that take an endpoint away; the inside half goes with it. Run with missing devices tolerated. */
  unplan(network: NetworkRecord, endpoint: EndpointRecord): string[] | Promise<string[]>;
  /** What the firewall must know of the network; undefined for none. */
  rules(network: NetworkRecord): NetworkRules | undefined;
}
