/*
 * The room's door: builds the shared state and binds each verb to it. Start is quick: `restore` only reads rows; bridges, rules, ports and the pools follow in the background,
 * and the verbs that need them wait for `ready`.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { forbidden, PouchError } from '../errors/error.ts';
import type { EventBus } from '../events/contract.ts';
import type { HookCaller } from '../hooks/contract.ts';
import { KeyedMutex } from '../lib/keyed-mutex.ts';
import type { Logger } from '../lib/log.ts';
import type { Store } from '../store/contract.ts';
import { closeSandbox } from './close.ts';
import { connectSandbox, disconnectSandbox } from './connect.ts';
import type { NetworkService } from './contract.ts';
import { createNetwork, pruneNetworks, removeNetwork } from './create.ts';
import { dnsFor, hostDnsOf } from './dns/for-container.ts';
import { DnsServer } from './dns/server.ts';
import { createBridgeDriver } from './drivers/bridge.ts';
import type { NetworkDriver } from './drivers/driver.ts';
import { createSubinterfaceDriver } from './drivers/macvlan.ts';
import { createPlainDriver } from './drivers/plain.ts';
import { checkEndpoint } from './endpoint-check.ts';
import { dnsNamesOf } from './endpoints.ts';
import { Firewall } from './firewall.ts';
import { GivenMacs } from './given-macs.ts';
import { listNetworks, resourceOf } from './list.ts';
import { NameTable } from './names.ts';
import { Namespaces } from './namespaces.ts';
import { Neighbours } from './neighbours.ts';
import { NetworkTable, networkOf } from './network-table.ts';
import { newControllerId, openSandbox, wireDeferred } from './open.ts';
import { Pool } from './pool.ts';
import { PortAllocator } from './ports/allocator.ts';
import { createPrograms } from './programs.ts';
import { discardReady, makeReady } from './ready.ts';
import { Reaper } from './reaper.ts';
import { loadState, setUpHost, writeRules } from './restore.ts';
import type { NetworkConfig, ReadyNamespace, Room, Sandbox } from './room.ts';
import { networkOfEndpoint } from './wiring.ts';

/** What the room is built from. */
export interface NetworkDeps {
  store: Store;
  events: Pick<EventBus, 'publish'>;
  hooks?: Pick<HookCaller, 'has' | 'run'>;
  log: Logger;
  config: NetworkConfig;
  /** Under the daemon's state directory; namespaces live in `netns` below it. Also what tells this daemon from another on the same host. */
  stateDir: string;
  /** Drivers besides bridge, host, null, macvlan and ipvlan. */
  drivers?: readonly NetworkDriver[];
  /** How many namespaces stand ready; 0 turns the pools off. */
  poolSize?: number;
}

/** The service with what only boot and tests call. */
export interface Networks extends NetworkService, AsyncDisposable {
  /** Resolves when the host's side stands after `restore`. */
  ready(): Promise<void>;
  /** Resolves when the pools are full and nothing waits to be taken down. */
  settled(): Promise<void>;
  /** Stops: pools and helper programs go, containers keep their networks. */
  [Symbol.asyncDispose](): Promise<void>;
  /** Also removes bridges and rules; for tests, after all sandboxes are closed. */
  destroy(): Promise<void>;
}

/** Helper programs are spawned only after the daemon has had time to answer its first calls, unless one of them needs a network. */
const idleBeforeSetUpMs = 150;

/** Builds the room; nothing is touched before `restore`. */
export function createNetworks(deps: NetworkDeps): Networks {
  const key = createHash('sha256').update(deps.stateDir).digest('hex').slice(0, 8);
  const alias = `pouchd:${key}`;
  const programs = createPrograms();
  const namespaces = new Namespaces(programs, join(deps.stateDir, 'netns'));
  const firewall = new Firewall(programs, key);
  const drivers: NetworkDriver[] = [
    createBridgeDriver({ programs, log: deps.log, alias }),
    createPlainDriver('host'),
    createPlainDriver('null'),
    createSubinterfaceDriver('macvlan'),
    createSubinterfaceDriver('ipvlan'),
    ...(deps.drivers ?? []),
  ];
  /** Undefined while it has not begun, or has failed: the next verb tries again. */
  let hostSide: Promise<void> | undefined;
  let leftovers: readonly string[] | undefined;
  let timer: NodeJS.Timeout | undefined;
  const poolSize = deps.poolSize ?? 4;
  const pool = (isWired: boolean, size: number): Pool<ReadyNamespace> =>
    new Pool({
      size,
      maxSize: size * 4,
      make: () => makeReady(room, isWired),
      discard: (items) => discardReady(room, items),
      log: deps.log,
    });
  const room: Room = {
    key,
    controllerId: newControllerId(),
    config: deps.config,
    store: deps.store,
    events: deps.events,
    hooks: deps.hooks,
    log: deps.log,
    programs,
    firewall,
    givenMacs: new GivenMacs(),
    neighbours: new Neighbours(programs, firewall.table),
    namespaces,
    drivers: new Map(drivers.map((one) => [one.name, one])),
    networks: new NetworkTable(),
    sandboxes: new Map(),
    names: new NameTable(),
    ports: new PortAllocator({ hasIPv6: existsSync('/proc/net/if_inet6') }),
    wiredPool: pool(true, poolSize),
    emptyPool: pool(false, Math.ceil(poolSize / 2)),
    reaper: new Reaper(programs, namespaces, deps.log),
    locks: new KeyedMutex(),
    ready,
    repairRules: () =>
      writeRules(room, dns.port).catch((error: unknown) => deps.log.error('firewall rules could not be written', { error })),
  };
  const dns = new DnsServer(room);

  function ready(): Promise<void> {
    if (!leftovers) return Promise.reject(new PouchError('internal', 'networks are used before restore'));
    clearTimeout(timer);
    hostSide ??= start(leftovers).catch((error: unknown) => {
      hostSide = undefined;
      throw error;
    });
    return hostSide;
  }

  async function start(namespaceFiles: readonly string[]): Promise<void> {
    const dnsPort = await dns.listen().catch((error: unknown) => {
      deps.log.error('names on networks are not served', { error });
      return undefined;
    });
    await setUpHost(room, { alias, dnsPort, namespaceFiles });
    if (poolSize === 0) return;
    room.wiredPool.open();
    room.emptyPool.open();
  }

  function sandboxOf(containerId: string): Sandbox {
    const sandbox = room.sandboxes.get(containerId);
    if (!sandbox) throw forbidden(`container ${containerId} has no network sandbox`);
    return sandbox;
  }

  return {
    create: (request) => createNetwork(room, request),
    resolve: (ref) => networkOf(room.networks.resolve(ref)),
    find(ref) {
      const found = room.networks.find(ref);
      return found && networkOf(found);
    },
    list: (filters) => listNetworks(room, filters),
    inspect: (ref) => resourceOf(room, room.networks.resolve(ref)),
    remove: (ref) => removeNetwork(room, ref),
    prune: (filters) => pruneNetworks(room, filters),
    validate(endpoints) {
      for (const [ref, settings] of Object.entries(endpoints)) checkEndpoint(room.networks.resolve(ref), settings ?? {});
    },
    open: (request) => room.locks.run(request.containerId, () => openSandbox(room, request)),
    wire: (containerId) => room.locks.run(containerId, () => wireDeferred(room, sandboxOf(containerId))),
    close: (containerId) => room.locks.run(containerId, () => closeSandbox(room, containerId)),
    connect: (containerId, ref, settings) =>
      room.locks.run(containerId, () => connectSandbox(room, sandboxOf(containerId), { ref, settings })),
    disconnect: (containerId, ref) => room.locks.run(containerId, () => disconnectSandbox(room, sandboxOf(containerId), ref)),
    rename(containerId, name) {
      const sandbox = room.sandboxes.get(containerId);
      if (!sandbox) return;
      const { record } = sandbox;
      record.name = name;
      for (const endpoint of record.endpoints) {
        room.names.remove(endpoint);
        endpoint.dnsNames = dnsNamesOf(networkOfEndpoint(room, endpoint), record, endpoint.requested.aliases);
        room.names.add(record, endpoint);
      }
      room.store.put('endpoints', containerId, record);
    },
    netnsPath: (containerId) => room.sandboxes.get(containerId)?.record.netnsPath,
    dns(containerId) {
      const sandbox = room.sandboxes.get(containerId);
      return sandbox && dnsFor(room, sandbox.record.endpoints);
    },
    async restore(running) {
      leftovers = loadState(room, running);
      timer = setTimeout(() => {
        ready().catch((error: unknown) => deps.log.error('networks could not be set up', { error }));
      }, idleBeforeSetUpMs);
    },
    dnsOf(containerId) {
      const sandbox = room.sandboxes.get(containerId);
      return sandbox && dnsFor(room, sandbox.record.endpoints);
    },
    hostDns: () => hostDnsOf(deps.config),
    ready,
    async settled() {
      await room.ready();
      await room.wiredPool.filled();
      await room.emptyPool.filled();
      await room.reaper.idle();
    },
    async [Symbol.asyncDispose]() {
      clearTimeout(timer);
      await hostSide?.catch(() => undefined); // told already
      await Promise.all([room.wiredPool.close(), room.emptyPool.close()]);
      await room.reaper.idle();
      for (const sandbox of room.sandboxes.values()) room.ports.release(sandbox.held);
      await dns.close();
      programs.close();
    },
    async destroy() {
      await Promise.all([room.wiredPool.close(), room.emptyPool.close()]);
      await room.reaper.idle();
      await room.firewall.clear();
      await room.neighbours.clear();
      for (const network of room.networks.all()) await room.drivers.get(network.driver)?.remove(network);
      await dns.close();
      programs.close();
    },
  };
}
