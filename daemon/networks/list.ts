import { invalidArgument } from '../errors/error.ts';
import { checkFilterKeys, type Filters, lacksLabels, matchesLabels, matchesPattern } from '../lib/filters.ts';
import { parseRfc3339, parseTimestamp } from '../lib/time.ts';
import type { NetworkResource } from '../types/docker/network.ts';
import type { NetworkRecord } from './record.ts';
import type { Room } from './room.ts';

const listFilters = ['driver', 'type', 'name', 'id', 'label', 'scope', 'dangling'] as const;
const pruneFilters = ['label', 'label!', 'until'] as const;

/** A network as inspect tells it, with the running containers on it. */
export function resourceOf(room: Room, network: NetworkRecord): NetworkResource {
  const containers: NetworkResource['Containers'] = {};
  for (const { record } of room.sandboxes.values()) {
    for (const endpoint of record.endpoints) {
      if (endpoint.networkId !== network.id) continue;
      containers[record.containerId] = {
        Name: record.name,
        EndpointID: endpoint.id,
        MacAddress: endpoint.mac,
        IPv4Address: endpoint.address4,
        IPv6Address: endpoint.address6,
      };
    }
  }
  return { ...summaryOf(network), Containers: containers };
}

function summaryOf(network: NetworkRecord): NetworkResource {
  return {
    Name: network.name,
    Id: network.id,
    Created: network.created,
    Scope: 'local',
    Driver: network.driver,
    EnableIPv6: network.enableIPv6,
    IPAM: network.ipam,
    Internal: network.internal,
    Attachable: network.attachable,
    Ingress: false,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers: {},
    Options: network.options,
    Labels: network.labels,
  };
}

/** The networks that pass the filters; as in Docker without their containers. Throws invalidArgument for an unknown filter. */
export function listNetworks(room: Room, filters: Filters = {}): NetworkResource[] {
  checkFilterKeys(filters, listFilters);
  for (const one of filters['type'] ?? [])
    if (one !== 'custom' && one !== 'builtin') throw invalidArgument(`invalid filter: 'type'='${one}'`);
  const dangling = filters['dangling']?.map((one) => {
    if (/^(true|1|t)$/i.test(one)) return true;
    if (/^(false|0|f)$/i.test(one)) return false;
    throw invalidArgument(`invalid filter 'dangling=[${JSON.stringify(one)}]'`);
  });
  const used = usedNetworks(room);
  return room.networks
    .all()
    .filter(
      (one) =>
        (!filters['driver'] || filters['driver'].includes(one.driver)) &&
        (!filters['type'] || filters['type'].includes(one.predefined ? 'builtin' : 'custom')) &&
        (!filters['scope'] || filters['scope'].includes('local')) &&
        (!filters['id'] || filters['id'].some((id) => one.id.startsWith(id) || one.id.includes(id))) &&
        matchesPattern(one.name, filters['name']) &&
        matchesLabels(one.labels, filters['label']) &&
        (!dangling || dangling.includes(!one.predefined && !used.has(one.id))),
    )
    .map(summaryOf);
}

/** What prune may remove: user-defined, unused, and passed by the filters. */
export function prunable(room: Room, filters: Filters = {}): NetworkRecord[] {
  checkFilterKeys(filters, pruneFilters);
  const [until, ...more] = filters['until'] ?? [];
  if (more.length > 0) throw invalidArgument('more than one until filter specified');
  const limit = until === undefined ? undefined : parseTimestamp(until);
  const used = usedNetworks(room);
  return room.networks
    .all()
    .filter(
      (one) =>
        !one.predefined &&
        !used.has(one.id) &&
        (limit === undefined || (parseRfc3339(one.created) ?? 0n) < limit) &&
        matchesLabels(one.labels, filters['label']) &&
        (!filters['label!'] || lacksLabels(one.labels, filters['label!'])),
    );
}

function usedNetworks(room: Room): Set<string> {
  return new Set([...room.sandboxes.values()].flatMap(({ record }) => record.endpoints.map((one) => one.networkId)));
}
