import { PouchError } from '../errors/error.ts';
import type { Filters } from '../lib/filters.ts';
import type { NetworkCreateRequest } from '../types/docker/network.ts';
import { prunable } from './list.ts';
import type { NetworkRecord } from './record.ts';
import { readCreateRequest } from './request.ts';
import { driverOf, networkEvent, type Room } from './room.ts';
import { defaultAddressPools, localIPv6Pool, routedSubnets } from './subnets.ts';

/** Makes a network: hook, checks, host's side, rules, row, event. On failure nothing is left. */
export async function createNetwork(room: Room, request: NetworkCreateRequest): Promise<{ id: string; warning: string }> {
  await room.ready();
  if (room.hooks?.has('network.preCreate')) await room.hooks.run('network.preCreate', request);
  const { defaultAddressPools: configured } = room.config;
  const record = readCreateRequest(request, {
    networks: room.networks.all(),
    drivers: room.drivers,
    addressPools: [...(configured.length > 0 ? configured : defaultAddressPools), localIPv6Pool(room.key)],
    routed: () => routedSubnets(),
  });
  const driver = driverOf(room, record);
  room.networks.add(record); // name and subnet are taken from here on
  await using undo = new AsyncDisposableStack();
  undo.defer(() => room.networks.remove(record.id));
  undo.defer(() => driver.remove(record));
  await driver.ensure(record);
  const rules = driver.rules(record);
  if (rules) {
    await room.firewall.addNetwork(rules);
    undo.defer(() => room.firewall.removeNetwork(rules));
  }
  room.store.put('networks', record.id, record);
  undo.move();
  networkEvent(room, 'create', record);
  return { id: record.id, warning: '' };
}

/** Removes a network without endpoints. Throws Docker's refusals. */
export async function removeNetwork(room: Room, ref: string): Promise<void> {
  const record = room.networks.resolve(ref);
  if (record.predefined) throw new PouchError('forbidden', `${record.name} is a pre-defined network and cannot be removed`);
  await room.ready();
  if (isInUse(room, record)) {
    throw new PouchError(
      'forbidden',
      `error while removing network: network ${record.name} id ${record.id} has active endpoints`,
    );
  }
  if (room.networks.get(record.id) !== record) return; // somebody else removed it while we waited
  room.networks.remove(record.id);
  room.store.delete('networks', record.id);
  const driver = driverOf(room, record);
  const rules = driver.rules(record);
  try {
    await room.reaper.idle();
    if (rules) await room.firewall.removeNetwork(rules);
    await driver.remove(record);
  } catch (error) {
    room.log.warn('network leftovers not removed', { network: record.name, error });
  }
  networkEvent(room, 'destroy', record);
}

function isInUse(room: Room, network: NetworkRecord): boolean {
  return [...room.sandboxes.values()].some(({ record }) => record.endpoints.some((one) => one.networkId === network.id));
}

/** Removes what is unused and passes the filters; returns the names. */
export async function pruneNetworks(room: Room, filters: Filters | undefined): Promise<string[]> {
  const names: string[] = [];
  for (const record of prunable(room, filters)) {
    await removeNetwork(room, record.id);
    names.push(record.name);
  }
  return names;
}
