/*
 * Endpoints as data: allocating one (addresses, hardware address, names), giving it back, choosing the one with the default route, and telling it in Docker's shape.
 */
import { forbidden, invalidArgument } from '../errors/error.ts';
import { newId, shortId } from '../lib/id.ts';
import { parseAddress, parseCidr } from '../lib/ip.ts';
import type { EndpointSettings } from '../types/docker/network.ts';
import { bridgeOptions } from './drivers/bridge.ts';
import { isMac } from './endpoint-check.ts';
import { type AddressPool, takeAddress, takeMac, withPrefix } from './ipam.ts';
import type { EndpointRecord, NetworkRecord, SandboxRecord } from './record.ts';
import { driverOf, type Room } from './room.ts';

/** Who an endpoint is for. */
export type Owner = Pick<SandboxRecord, 'containerId' | 'name' | 'hostname'>;

/** Takes addresses for an endpoint. A static address that a pooled or dying namespace still has is freed first. Throws as `takeAddress`. */
export async function allocateEndpoint(
  room: Room,
  network: NetworkRecord,
  wish: { settings: EndpointSettings; index: number },
): Promise<EndpointRecord> {
  const { settings, index } = wish;
  const endpoint = emptyEndpoint(network, settings);
  if (!driverOf(room, network).hasInterfaces) return endpoint;
  const pools = room.networks.pools(network.id);
  const { v4, v6 } = pools;
  try {
    const first = v4 ? await take(room, v4, { network, wanted: settings.IPAMConfig?.IPv4Address }) : undefined;
    if (v4 && first) {
      endpoint.address4 = withPrefix(v4, first);
      endpoint.gateway4 = gatewayOf(network, v4);
    }
    const second =
      v6 && network.enableIPv6 ? await take(room, v6, { network, wanted: settings.IPAMConfig?.IPv6Address }) : undefined;
    if (v6 && second) {
      endpoint.address6 = withPrefix(v6, second);
      endpoint.gateway6 = gatewayOf(network, v6);
    }
    endpoint.mac = settings.MacAddress ? await askedMac(room, network, settings.MacAddress) : takeMac(pools, first);
    endpoint.ifname = `${network.options[bridgeOptions.prefix] || 'eth'}${index}`;
    endpoint.hostIfname = `pv${room.key.slice(0, 5)}${endpoint.id.slice(0, 8)}`;
    return endpoint;
  } catch (error) {
    releaseEndpoint(room, endpoint);
    throw error;
  }
}

async function take(room: Room, pool: AddressPool, { network, wanted }: { network: NetworkRecord; wanted: string | undefined }) {
  const address = wanted ? parseAddress(wanted) : undefined;
  const isBlocked = address ? pool.has(address) : pool.isFull();
  if (isBlocked) {
    if (network.name === 'bridge') await room.wiredPool.evict((one) => !address || hasAddress(one.endpoint, wanted ?? ''));
    await room.reaper.idle();
  }
  return takeAddress(pool, network, wanted);
}

function hasAddress(endpoint: EndpointRecord | undefined, address: string): boolean {
  return endpoint !== undefined && [endpoint.address4, endpoint.address6].some((one) => one.startsWith(`${address}/`));
}

function emptyEndpoint(network: NetworkRecord, settings: EndpointSettings): EndpointRecord {
  return {
    id: newId(),
    networkId: network.id,
    networkName: network.name,
    mac: '',
    address4: '',
    address6: '',
    gateway4: '',
    gateway6: '',
    ifname: '',
    hostIfname: '',
    requested: {
      ipamConfig: settings.IPAMConfig ?? null,
      links: settings.Links ?? null,
      aliases: settings.Aliases ?? [],
      driverOpts: settings.DriverOpts ?? null,
      mac: settings.MacAddress ?? '',
    },
    priority: Number(settings.DriverOpts?.['com.docker.network.endpoint.gw_priority'] ?? 0) || 0,
    disableResolver: false,
    genericParams: {},
    dnsNames: [],
  };
}

function gatewayOf(network: NetworkRecord, pool: AddressPool): string {
  if (network.internal) return '';
  const config = network.ipam.Config.find((one) => parseCidr(one.Subnet)?.prefix.version === pool.prefix.version);
  const other = config?.AuxiliaryAddresses?.[pool.prefix.version === 4 ? 'DefaultGatewayIPv4' : 'DefaultGatewayIPv6'];
  return other ?? config?.Gateway?.split('/')[0] ?? '';
}

/** A hardware address that was asked for; a namespace that stands ready with it is given up. */
async function askedMac(room: Room, network: NetworkRecord, text: string): Promise<string> {
  if (!isMac(text)) throw invalidArgument(`invalid MAC address: ${text}`);
  const mac = text.toLowerCase().replaceAll('-', ':');
  const { macs } = room.networks.pools(network.id);
  if (macs.has(mac) && network.name === 'bridge') {
    await room.wiredPool.evict((one) => one.endpoint?.mac === mac);
    await room.reaper.idle();
  }
  macs.add(mac);
  return mac;
}

/** Gives the addresses back. */
export function releaseEndpoint(room: Pick<Room, 'networks'>, endpoint: EndpointRecord): void {
  const pools = room.networks.pools(endpoint.networkId);
  pools.macs.delete(endpoint.mac);
  for (const [pool, text] of [
    [pools.v4, endpoint.address4],
    [pools.v6, endpoint.address6],
  ] as const) {
    const address = parseCidr(text)?.address;
    if (pool && address) pool.release(address);
  }
}

/** Claims the addresses of an endpoint that was saved. */
export function claimEndpoint(room: Pick<Room, 'networks'>, endpoint: EndpointRecord): void {
  const pools = room.networks.pools(endpoint.networkId);
  const v4 = parseCidr(endpoint.address4)?.address;
  const v6 = parseCidr(endpoint.address6)?.address;
  if (v4) pools.v4?.claim(v4);
  if (v6) pools.v6?.claim(v6);
  pools.macs.add(endpoint.mac);
}

/** The names it answers to: container, aliases, short id, host name. None on the default networks. */
export function dnsNamesOf(network: NetworkRecord, owner: Owner, aliases: readonly string[]): string[] {
  if (network.predefined) return [];
  return [...new Set([owner.name, ...aliases, shortId(owner.containerId), owner.hostname].filter((one) => one !== ''))];
}

/** The endpoint whose gateway is the container's default route: Docker takes the network that comes first by name among those that lead out. */
export function gatewayEndpoint(endpoints: readonly EndpointRecord[], family: 4 | 6 = 4): EndpointRecord | undefined {
  const leading = endpoints.filter((one) => (family === 4 ? one.gateway4 : one.gateway6) !== '');
  return leading.sort((a, b) => b.priority - a.priority || (a.networkName < b.networkName ? -1 : 1))[0];
}

/** An endpoint as inspect tells it. */
export function settingsOf(endpoint: EndpointRecord, containerId: string): EndpointSettings {
  const [ip = '', bits = '0'] = endpoint.address4.split('/');
  const [ip6 = '', bits6 = '0'] = endpoint.address6.split('/');
  const { requested, dnsNames } = endpoint;
  const aliases = dnsNames.length > 0 ? [...new Set([...requested.aliases, shortId(containerId)])] : null;
  return {
    IPAMConfig: requested.ipamConfig ?? null,
    Links: requested.links ?? null,
    Aliases: aliases,
    NetworkID: endpoint.networkId,
    EndpointID: endpoint.id,
    Gateway: endpoint.gateway4,
    IPAddress: ip,
    IPPrefixLen: Number(bits),
    IPv6Gateway: endpoint.gateway6,
    GlobalIPv6Address: ip6,
    GlobalIPv6PrefixLen: Number(bits6),
    MacAddress: endpoint.mac,
    DriverOpts: requested.driverOpts ?? null,
    DNSNames: dnsNames.length > 0 ? dnsNames : null,
  };
}

/** Docker's refusal of a second endpoint on one network. */
export function alreadyAttached(name: string, network: string): Error {
  return forbidden(`endpoint with name ${name} already exists in network ${network}`);
}
