/*
 * What the verbs of this room work on: the tables in memory, the helper programs, the ports, the names. `service.ts` builds one and hands it to each verb.
 */
import type { DaemonConfig } from '../config/contract.ts';
import type { EventBus } from '../events/contract.ts';
import type { HookCaller } from '../hooks/contract.ts';
import type { KeyedMutex } from '../lib/keyed-mutex.ts';
import type { Logger } from '../lib/log.ts';
import type { Store } from '../store/contract.ts';
import type { NetworkDriver } from './drivers/driver.ts';
import type { Firewall, PublishedPorts } from './firewall.ts';
import type { GivenMacs } from './given-macs.ts';
import type { NameTable } from './names.ts';
import type { Namespaces } from './namespaces.ts';
import type { Neighbours } from './neighbours.ts';
import type { NetworkTable } from './network-table.ts';
import type { Pool } from './pool.ts';
import type { HeldPort, PortAllocator } from './ports/allocator.ts';
import type { Programs } from './programs.ts';
import type { Reaper } from './reaper.ts';
import type { EndpointRecord, NetworkRecord, SandboxRecord } from './record.ts';

/** A sandbox in memory. */
export interface Sandbox {
  readonly record: SandboxRecord;
  held: HeldPort[];
  /** False until a deferred sandbox is completed. */
  isWired: boolean;
  /** What stands in the firewall for it now. */
  published: PublishedPorts | undefined;
}

/** A namespace that stands ready: on the default bridge with its address, or empty. */
export interface ReadyNamespace {
  sandboxId: string;
  netnsPath: string;
  endpoint: EndpointRecord | undefined;
}

/** The part of the daemon's configuration that this room reads. */
export type NetworkConfig = Pick<DaemonConfig, 'bridge' | 'defaultAddressPools' | 'dns' | 'dnsSearch' | 'dnsOptions'>;

/** The shared state of the room. */
export interface Room {
  /** Eight hexadecimal digits that tell this daemon's interfaces, tables and files from another's. */
  readonly key: string;
  readonly controllerId: string;
  readonly config: NetworkConfig;
  readonly store: Store;
  readonly events: Pick<EventBus, 'publish'>;
  readonly hooks: Pick<HookCaller, 'has' | 'run'> | undefined;
  readonly log: Logger;
  readonly programs: Programs;
  readonly firewall: Firewall;
  readonly namespaces: Namespaces;
  readonly drivers: ReadonlyMap<string, NetworkDriver>;
  readonly networks: NetworkTable;
  readonly sandboxes: Map<string, Sandbox>;
  readonly names: NameTable;
  readonly ports: PortAllocator;
  readonly wiredPool: Pool<ReadyNamespace>;
  readonly emptyPool: Pool<ReadyNamespace>;
  readonly givenMacs: GivenMacs;
  readonly reaper: Reaper;
  readonly neighbours: Neighbours;
  /** One key a container: open, close, connect … of one container run one after the other. */
  readonly locks: KeyedMutex;
  /** Resolves when the host's side stands; every verb that touches it waits for this. */
  ready(): Promise<void>;
  /** Writes all rules anew: after a change of which it is not known whether it was made. */
  repairRules(): Promise<void>;
}

/** The driver of a network. Its absence is a fault of ours: records are only made for drivers we have. */
export function driverOf(room: Pick<Room, 'drivers'>, network: NetworkRecord): NetworkDriver {
  const driver = room.drivers.get(network.driver);
  if (!driver) throw new Error(`no network driver ${network.driver}`);
  return driver;
}

/** Publishes Docker's event of a network. */
export function networkEvent(room: Pick<Room, 'events'>, action: string, network: NetworkRecord, container?: string): void {
  room.events.publish({
    type: 'network',
    action,
    id: network.id,
    attributes: { ...(container === undefined ? {} : { container }), name: network.name, type: network.driver },
  });
}
