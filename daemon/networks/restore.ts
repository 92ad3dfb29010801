/*
 * At daemon start. `loadState` is quick and synchronous: records into memory. `setUpHost` then brings the host in line, in the background: bridges, one transaction with
 * all rules, the held ports, and the removal of what a killed daemon left (our veths and namespaces without a row, our bridges without a network).
 */
import { defaultNetworks } from './defaults.ts';
import { bridgeNameOf, bridgeOptions } from './drivers/bridge.ts';
import { claimEndpoint } from './endpoints.ts';
import { readForwardPolicy } from './forward-policy.ts';
import { listLinks } from './links.ts';
import { addressOf, publishingEndpoint } from './publish.ts';
import type { NetworkRecord, SandboxRecord } from './record.ts';
import { driverOf, type Room, type Sandbox } from './room.ts';
import { networkOfEndpoint } from './wiring.ts';

/** Records of networks and of the sandboxes of running containers go into memory; rows of others are deleted. Returns the namespace files that belong to nobody. */
export function loadState(room: Room, running: ReadonlySet<string>): string[] {
  const saved = room.store.all<NetworkRecord>('networks').map((one) => one.value);
  const rows = room.store.all<SandboxRecord>('endpoints').map((one) => one.value);
  const kept = rows.filter((one) => running.has(one.containerId));
  const isInUse = kept.some((one) => one.endpoints.some((each) => each.networkName === 'bridge'));
  const defaults = defaultNetworks({ config: room.config, saved, isInUse });
  for (const record of [...defaults, ...saved.filter((one) => !one.predefined)]) room.networks.add(record);
  room.store.transaction(() => {
    for (const record of defaults) {
      const before = saved.find((one) => one.id === record.id);
      if (JSON.stringify(before) !== JSON.stringify(record)) room.store.put('networks', record.id, record);
    }
    for (const row of rows) if (!running.has(row.containerId)) room.store.delete('endpoints', row.containerId);
  });
  for (const record of kept) {
    record.endpoints = record.endpoints.filter((one) => room.networks.get(one.networkId) !== undefined);
    for (const endpoint of record.endpoints) {
      claimEndpoint(room, endpoint);
      room.names.add(record, endpoint);
    }
    room.sandboxes.set(record.containerId, { record, held: [], isWired: true, published: undefined });
  }
  const paths = new Set(kept.map((one) => one.netnsPath));
  return room.namespaces.existing().filter((one) => !paths.has(one));
}

/** Makes the host's side stand. `dnsPort` is where the daemon's DNS server listens. */
export async function setUpHost(
  room: Room,
  options: { alias: string; dnsPort: number | undefined; namespaceFiles: readonly string[] },
): Promise<void> {
  const links = await listLinks(room.programs);
  renameTakenBridge(room, links, options.alias);
  const leftovers = strayLinks(room, links, options.alias);
  await room.programs.ip(
    leftovers.map((name) => `link del dev ${name}`),
    /Cannot find device/,
  );
  for (const network of room.networks.all()) {
    try {
      await driverOf(room, network).ensure(network);
    } catch (error) {
      room.log.error('network not set up', { network: network.name, error });
    }
  }
  for (const sandbox of room.sandboxes.values()) {
    await holdAgain(room, sandbox);
    for (const one of sandbox.record.endpoints) await room.neighbours.add(networkOfEndpoint(room, one), one);
  }
  await writeRules(room, options.dnsPort);
  await room.namespaces.remove(options.namespaceFiles);
}

/** All rules of all networks and ports, in one transaction, fitted to what other firewalls on the host do. */
export async function writeRules(room: Room, dnsPort: number | undefined): Promise<void> {
  const { blocking, hasNeighbourTable } = await readForwardPolicy(room.programs, room.firewall.table);
  if (blocking.length > 0) {
    room.log.warn('another firewall drops forwarded packets: containers reach nothing outside until it lets our bridges pass', {
      chains: blocking,
    });
  }
  const rules = room.networks.all().map((network) => driverOf(room, network).rules(network));
  const published = [...room.sandboxes.values()].map((one) => one.published);
  await room.firewall.reset(
    rules.filter((one) => one !== undefined),
    published.filter((one) => one !== undefined),
    { dnsPort, isForwardBlocked: blocking.length > 0 },
  );
  await room.neighbours
    .apply(blocking.length > 0, hasNeighbourTable)
    .catch((error: unknown) => room.log.warn('containers on one network may not reach each other', { error }));
}

async function holdAgain(room: Room, sandbox: Sandbox): Promise<void> {
  const endpoint = publishingEndpoint(room, sandbox);
  if (!endpoint || sandbox.record.ports.length === 0) return;
  const address = addressOf(endpoint);
  for (const port of sandbox.record.ports) {
    try {
      sandbox.held.push(await room.ports.restore(port, address));
    } catch (error) {
      room.log.error('published port is lost', { container: sandbox.record.containerId, ...port, error });
    }
  }
  sandbox.published = { ports: sandbox.held.map((one) => one.record), address };
}

/** When another pouchd on this host has the default bridge's interface, ours gets another name. */
function renameTakenBridge(room: Room, links: ReadonlyMap<string, string>, alias: string): void {
  const network = room.networks.defaultBridge();
  const owner = links.get(bridgeNameOf(network)) ?? '';
  if (!owner.startsWith('pouchd:') || owner === alias) return;
  network.options[bridgeOptions.name] = `pouch-${room.key}`;
  room.store.put('networks', network.id, network);
}

/** What carries our mark and belongs to nothing that runs. */
function strayLinks(room: Room, present: ReadonlyMap<string, string>, alias: string): string[] {
  const records = [...room.sandboxes.values()].map((one) => one.record);
  const keptLinks = new Set(records.flatMap((one) => one.endpoints.map((each) => each.hostIfname)));
  const bridges = new Set(
    room.networks
      .all()
      .filter((one) => one.driver === 'bridge')
      .map(bridgeNameOf),
  );
  const prefix = `pv${room.key.slice(0, 5)}`;
  return [...present.keys()].filter((name) => {
    if (name.startsWith(prefix)) return !keptLinks.has(name);
    return !bridges.has(name) && present.get(name) === alias;
  });
}
