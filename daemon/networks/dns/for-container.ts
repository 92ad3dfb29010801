import { isLoopbackServer, readHostResolvConf } from '../../lib/resolv-conf.ts';
import type { EndpointRecord } from '../record.ts';
import type { NetworkConfig, Room } from '../room.ts';
import { resolverGateway } from '../wiring.ts';

/** What goes into a resolv.conf. */
export interface DnsSettings {
  servers: string[];
  search: string[];
  options: string[];
}

/** The address at which containers on user-defined networks find the daemon's DNS, as in Docker. */
export const embeddedServer = '127.0.0.11';

/** The daemon's own settings over the host's resolv.conf. */
export function hostDnsOf(config: NetworkConfig): DnsSettings {
  const host = readHostResolvConf();
  return {
    servers: config.dns.length > 0 ? [...config.dns] : host.servers,
    search: config.dnsSearch.length > 0 ? [...config.dnsSearch] : host.search,
    options: config.dnsOptions.length > 0 ? [...config.dnsOptions] : host.options,
  };
}

/** For a container with these endpoints. Servers on the host's loopback cannot be reached from a namespace; where nothing else is left Docker's public ones stand in. */
export function dnsFor(room: Pick<Room, 'networks' | 'drivers' | 'config'>, endpoints: readonly EndpointRecord[]): DnsSettings {
  const host = hostDnsOf(room.config);
  if (endpoints.some((one) => one.networkName === 'host')) return host;
  if (resolverGateway(room, endpoints) !== undefined) {
    const options = host.options.some((one) => one.startsWith('ndots:')) ? host.options : [...host.options, 'ndots:0'];
    return { servers: [embeddedServer], search: host.search, options };
  }
  const servers = host.servers.filter((one) => !isLoopbackServer(one));
  return { ...host, servers: servers.length > 0 ? servers : ['8.8.8.8', '8.8.4.4'] };
}
