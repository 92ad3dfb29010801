/*
 * At daemon start. `loadState` is quick and synchronous: records into memory. `setUpHost` then brings the host in line, in the background: bridges, one transaction with
 * all rules, the held ports, and the removal of what a killed daemon left (our veths and namespaces without a row, our bridges without a network).
 */
import { defaultNetworks } from './defaults.ts';
import { bridgeNameOf, bridgeOptions } from './drivers/bridge.ts';
import { claimEndpoint } from './endpoints.ts';
import type { PublishedPorts } from './firewall.ts';
import { listLinks } from './links.ts';
import { addressOf, publishingEndpoint } from './publish.ts';
import type { NetworkRecord, SandboxRecord } from './record.ts';
import { driverOf, type Room, type Sandbox } from './room.ts';

/** Records of networks and of the sandboxes of running containers go into memory; rows of others are deleted. */
export function loadState(room: Room, running: ReadonlySet<string>): void {
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
    for (const endpoint of record.endpoints) {
      claimEndpoint(room, endpoint);
      room.names.add(record, endpoint);
    }
    room.sandboxes.set(record.containerId, { record, held: [], isWired: true, published: undefined });
  }
}

/** Makes the host's side stand. `dnsPort` is where the daemon's DNS server listens. */
export async function setUpHost(room: Room, options: { alias: string; dnsPort: number | undefined }): Promise<void> {
  const links = await listLinks(room.programs);
  renameTakenBridge(room, links, options.alias);
  const leftovers = sweep(room, links, options.alias);
  await room.programs.ip(
    leftovers.links.map((name) => `link del dev ${name}`),
    /Cannot find device/,
  );
  for (const network of room.networks.all()) {
    try {
      await driverOf(room, network).ensure(network);
    } catch (error) {
      room.log.error('network not set up', { network: network.name, error });
    }
  }
  const published: PublishedPorts[] = [];
  for (const sandbox of room.sandboxes.values()) {
    const ports = await holdAgain(room, sandbox);
    if (ports) published.push(ports);
  }
  const rules = room.networks.all().map((network) => driverOf(room, network).rules(network));
  await room.firewall.reset(
    rules.filter((one) => one !== undefined),
    published,
    options.dnsPort,
  );
  await room.namespaces.remove(leftovers.namespaces);
}

async function holdAgain(room: Room, sandbox: Sandbox): Promise<PublishedPorts | undefined> {
  const endpoint = publishingEndpoint(room, sandbox);
  if (!endpoint || sandbox.record.ports.length === 0) return undefined;
  const address = addressOf(endpoint);
  for (const port of sandbox.record.ports) {
    try {
      sandbox.held.push(await room.ports.restore(port, address));
    } catch (error) {
      room.log.error('published port is lost', { container: sandbox.record.containerId, ...port, error });
    }
  }
  sandbox.published = { ports: sandbox.held.map((one) => one.record), address };
  return sandbox.published;
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
function sweep(room: Room, present: ReadonlyMap<string, string>, alias: string): { links: string[]; namespaces: string[] } {
  const records = [...room.sandboxes.values()].map((one) => one.record);
  const keptLinks = new Set(records.flatMap((one) => one.endpoints.map((each) => each.hostIfname)));
  const bridges = new Set(
    room.networks
      .all()
      .filter((one) => one.driver === 'bridge')
      .map(bridgeNameOf),
  );
  const prefix = `pv${room.key.slice(0, 5)}`;
  const links = [...present.keys()].filter((name) => {
    if (name.startsWith(prefix)) return !keptLinks.has(name);
    return !bridges.has(name) && present.get(name) === alias;
  });
  const keptPaths = new Set(records.map((one) => one.netnsPath));
  return { links, namespaces: room.namespaces.existing().filter((one) => !keptPaths.has(one)) };
}
