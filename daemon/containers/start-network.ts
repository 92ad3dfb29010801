import { conflict, internal } from '../errors/error.ts';
import type { SandboxInfo } from '../networks/contract.ts';
import type { PrestartEntry } from '../spec/contract.ts';
import { type Barrier, barrierName, openBarrier } from './barrier.ts';
import { type Link, linksOf } from './links.ts';
import type { LiveContainer } from './live.ts';
import { askedEndpoint } from './network-plan.ts';
import { wantedPorts } from './ports.ts';
import type { Room } from './room.ts';
import { joinedContainer } from './validate-modes.ts';
import { viewOf } from './view.ts';

/** A container's network for one run, and the programs that run around it. */
export interface StartNetwork {
  /** Path of the namespace, or `host`. */
  netns: string;
  /** Undefined when the network is another container's. */
  sandbox: SandboxInfo | undefined;
  /** The container whose network this is, for its files. */
  joined: LiveContainer | undefined;
  links: Link[];
  /** A plugin wants no embedded DNS. */
  disableResolver: boolean;
  prestart: PrestartEntry[];
  barrier: Barrier | undefined;
}

/** An entry before sorting. */
export interface PrioritisedEntry extends PrestartEntry {
  priority: number;
}

/** By descending priority, stable; the network's own entry stands first among those of priority 0. */
export function sortEntries(entries: readonly PrioritisedEntry[]): PrioritisedEntry[] {
  return [...entries].sort(
    (a, b) => b.priority - a.priority || Number(b.args[0] === barrierName) - Number(a.args[0] === barrierName),
  );
}

/** The container that a `container:X` mode joins. Throws conflict with Docker's text when it does not run. */
export function runningDonor(room: Pick<Room, 'table'>, mode: string | undefined, what: string): LiveContainer | undefined {
  const ref = joinedContainer(mode);
  if (!ref) return undefined;
  const donor = room.table.resolve(ref);
  const { state, id } = donor.record;
  if (!state.Running || state.Pid === 0) throw conflict(`cannot join ${what} of a non running container: ${id}`);
  if (state.Restarting) throw conflict(`Container ${id} is restarting, wait until the container is running`);
  return donor;
}

/**
 * Asks plugins, allocates the network and, when programs run around it, sets up the barrier at which it is wired; everything is undone by `undo`.
 */
export async function startNetwork(
  room: Room,
  container: LiveContainer,
  options: { hasUserHooks: boolean },
  undo: AsyncDisposableStack,
): Promise<StartNetwork> {
  const { record } = container;
  const endpointOptions = await askEndpoints(room, container);
  const entries = await askPrestart(room, container);
  const disableResolver = Object.values(endpointOptions ?? {}).some((one) => one.disableResolver);
  const links = linksOf(room, record.hostConfig);
  const joined = runningDonor(room, record.hostConfig.NetworkMode, 'network');
  if (joined) {
    const { Hostname, Domainname } = joined.record.config;
    record.config = { ...record.config, Hostname, Domainname }; // one network, one name
    const netns = room.networks.netnsPath(joined.record.id) ?? `/proc/${joined.record.state.Pid}/ns/net`;
    return {
      netns,
      sandbox: undefined,
      joined,
      links,
      disableResolver,
      prestart: sortEntries(entries).map(plain),
      barrier: undefined,
    };
  }
  const hasBarrier = (entries.length > 0 || options.hasUserHooks) && !('host' in record.networks);
  undo.defer(() => room.networks.close(record.id));
  const sandbox = await room.networks.open({
    containerId: record.id,
    name: record.name,
    hostname: record.config.Hostname ?? '',
    endpoints: record.networks,
    ports: wantedPorts(record.config, record.hostConfig),
    links: links.map((link) => ({ containerId: link.container.record.id, alias: link.alias })),
    ...(record.hostConfig.Dns?.length ? { dns: record.hostConfig.Dns } : {}),
    ...(endpointOptions ? { endpointOptions } : {}),
    wiring: hasBarrier ? 'deferred' : 'now',
  });
  let barrier: Barrier | undefined;
  if (hasBarrier) {
    barrier = await openBarrier(room.state, { containerId: record.id, controllerId: sandbox.controllerId }, () =>
      room.networks.wire(record.id),
    );
    const opened = barrier;
    undo.defer(() => opened.close());
    entries.push({ ...opened.entry, priority: 0 });
  }
  const sorted = sortEntries(entries);
  record.prestart = sorted.map(({ priority, path, args }) => ({ priority, path, args }));
  const netns = 'host' in record.networks ? 'host' : sandbox.netnsPath;
  if (netns === '') throw internal(`the network of container ${record.id} has no namespace`);
  return { netns, sandbox, joined: undefined, links, disableResolver, prestart: sorted.map(plain), barrier };
}

function plain({ path, args, env, timeout }: PrioritisedEntry): PrestartEntry {
  return { path, args, env, timeout };
}

async function askEndpoints(room: Room, container: LiveContainer) {
  if (!room.hooks.has('container.preCreateEndpoint')) return undefined;
  const options: Record<string, { priority: number; disableResolver: boolean; genericParams: Record<string, unknown> }> = {};
  for (const [network, settings] of Object.entries(container.record.networks)) {
    const endpoint = {
      network,
      networkId: room.networks.find(network)?.id,
      settings: askedEndpoint(settings),
      priority: 0,
      disableResolver: false,
      genericParams: {},
    };
    await room.hooks.run('container.preCreateEndpoint', container.record.id, container.record.config.Env ?? [], endpoint);
    container.record.networks[network] = endpoint.settings;
    const { priority, disableResolver, genericParams } = endpoint;
    options[network] = { priority, disableResolver, genericParams };
  }
  return options;
}

async function askPrestart(room: Room, container: LiveContainer): Promise<PrioritisedEntry[]> {
  container.record.prestart = [];
  if (!room.hooks.has('container.preStart')) return [];
  const collected = await room.hooks.collect('container.preStart', viewOf(container));
  return collected.flatMap(({ value }) => value);
}
