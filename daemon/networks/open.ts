/*
 * open: what a container gets when it starts. The common case (default bridge, nothing static) takes a namespace that stands ready; the rest allocates, makes and
 * wires one. Each step pushes its undo; the row in the store is written last, so a crash before it leaves only things that the next start sweeps away.
 */
import { randomBytes } from 'node:crypto';
import { newId } from '../lib/id.ts';
import type { EndpointSettings } from '../types/docker/network.ts';
import { closeSandbox, demolish, viewOf } from './close.ts';
import type { SandboxInfo, SandboxRequest } from './contract.ts';
import { dnsFor } from './dns/for-container.ts';
import { allocateEndpoint, alreadyAttached, dnsNamesOf, settingsOf } from './endpoints.ts';
import { portMapOf, readPortWishes } from './ports/wishes.ts';
import { holdPorts, publishPorts, withdrawPorts } from './publish.ts';
import type { EndpointRecord, NetworkRecord, SandboxRecord } from './record.ts';
import { driverOf, networkEvent, type ReadyNamespace, type Room, type Sandbox } from './room.ts';
import { networkOfEndpoint, wireSandbox } from './wiring.ts';

interface Wish {
  network: NetworkRecord;
  settings: EndpointSettings;
}

/** Opens a container's sandbox. On failure nothing is left. */
export async function openSandbox(room: Room, request: SandboxRequest): Promise<SandboxInfo> {
  const wishes = Object.entries(request.endpoints).map(([ref, settings]) => {
    const network = room.networks.resolve(ref);
    return { network, settings: room.givenMacs.wishOf(request.containerId, network.id, settings ?? {}) };
  });
  const ports = readPortWishes(request.ports);
  if (wishes.some((one) => driverOf(room, one.network).hasInterfaces)) await room.ready(); // host and none go without
  await closeSandbox(room, request.containerId); // one that somebody forgot
  await using undo = new AsyncDisposableStack();
  const sandbox = await prepare(room, request, { wishes, undo });
  await holdPorts(room, sandbox, ports);
  if (!sandbox.isWired && request.wiring !== 'deferred') {
    await wireSandbox(room, sandbox.record, { isMade: room.namespaces.isMade(sandbox.record.netnsPath) });
    sandbox.isWired = true;
  }
  if (sandbox.isWired) {
    undo.defer(() => withdrawAll(room, sandbox));
    await publishPorts(room, sandbox);
  }
  room.store.put('endpoints', request.containerId, sandbox.record);
  undo.move();
  for (const endpoint of sandbox.record.endpoints) await joined(room, sandbox.record, endpoint);
  return infoOf(room, sandbox);
}

async function withdrawAll(room: Room, sandbox: Sandbox): Promise<void> {
  const { published } = sandbox;
  sandbox.published = undefined;
  if (published) await withdrawPorts(room, published);
}

/** Completes a deferred sandbox; does nothing to one that is wired. */
export async function wireDeferred(room: Room, sandbox: Sandbox): Promise<void> {
  if (sandbox.isWired) return;
  await wireSandbox(room, sandbox.record, { isMade: true });
  sandbox.isWired = true;
  await publishPorts(room, sandbox);
  room.store.put('endpoints', sandbox.record.containerId, sandbox.record); // what stands inside is known after a restart
}

async function prepare(
  room: Room,
  request: SandboxRequest,
  { wishes, undo }: { wishes: Wish[]; undo: AsyncDisposableStack },
): Promise<Sandbox> {
  const owner = { containerId: request.containerId, name: request.name, hostname: request.hostname };
  const isHost = wishes.some((one) => one.network.driver === 'host');
  const ready = isHost ? undefined : takeReady(room, wishes, request.wiring === 'deferred');
  const sandboxId = ready?.sandboxId ?? newId();
  const record: SandboxRecord = {
    ...owner,
    sandboxId,
    netnsPath: isHost ? 'host' : (ready?.netnsPath ?? room.namespaces.pathOf(sandboxId)),
    endpoints: [],
    ports: [],
    dnsServers: request.dns ?? [],
  };
  const sandbox: Sandbox = { record, held: [], isWired: false, published: undefined };
  room.sandboxes.set(record.containerId, sandbox); // from here on its networks cannot be removed
  undo.defer(async () => {
    room.ports.release(sandbox.held);
    await demolish(room, record);
    room.sandboxes.delete(record.containerId);
  });
  let index = 0;
  for (const { network, settings } of wishes) {
    if (record.endpoints.some((one) => one.networkId === network.id)) throw alreadyAttached(request.name, network.name);
    const endpoint = ready?.endpoint
      ? adopt(ready.endpoint, settings)
      : await allocateEndpoint(room, network, { settings, index });
    if (!settings.MacAddress) room.givenMacs.remember(owner.containerId, network.id, endpoint.mac);
    const options = request.endpointOptions?.[network.name] ?? request.endpointOptions?.[network.id];
    if (options) Object.assign(endpoint, options, { priority: options.priority || endpoint.priority });
    endpoint.dnsNames = dnsNamesOf(network, owner, endpoint.requested.aliases);
    record.endpoints.push(endpoint);
    if (endpoint.ifname !== '') index += 1;
  }
  const isPlain = wishes.every((one) => !driverOf(room, one.network).hasInterfaces);
  if (!isHost && !ready && (isPlain || request.wiring === 'deferred')) await room.namespaces.make(sandboxId);
  sandbox.isWired = isHost || isPlain || ready?.endpoint !== undefined;
  return sandbox;
}

/** A namespace of a pool that fits, if one stands ready. */
function takeReady(room: Room, wishes: readonly Wish[], isDeferred: boolean): ReadyNamespace | undefined {
  const [only, ...more] = wishes;
  if (!isDeferred && only && more.length === 0 && only.network.name === 'bridge' && isOrdinary(only.settings)) {
    const wired = room.wiredPool.take();
    if (wired) return wired;
  }
  return room.emptyPool.take();
}

function isOrdinary({ IPAMConfig, MacAddress }: EndpointSettings): boolean {
  return !MacAddress && !IPAMConfig?.IPv4Address && !IPAMConfig?.IPv6Address && !IPAMConfig?.LinkLocalIPs?.length;
}

function adopt(endpoint: EndpointRecord, settings: EndpointSettings): EndpointRecord {
  endpoint.requested.ipamConfig = settings.IPAMConfig ?? null;
  endpoint.requested.links = settings.Links ?? null;
  endpoint.requested.driverOpts = settings.DriverOpts ?? null;
  return endpoint;
}

/** After an endpoint is there: names, event, hook. */
export async function joined(room: Room, record: SandboxRecord, endpoint: EndpointRecord): Promise<void> {
  const network = networkOfEndpoint(room, endpoint);
  room.names.add(record, endpoint);
  networkEvent(room, 'connect', network, record.containerId);
  if (room.hooks?.has('network.postConnect')) {
    await room.hooks.run('network.postConnect', viewOf(network), record.containerId, settingsOf(endpoint, record.containerId));
  }
}

/** What open returns. */
export function infoOf(room: Room, { record }: Sandbox): SandboxInfo {
  return {
    netnsPath: record.netnsPath,
    sandboxId: record.sandboxId,
    controllerId: room.controllerId,
    endpoints: Object.fromEntries(record.endpoints.map((one) => [one.networkName, settingsOf(one, record.containerId)])),
    ports: portMapOf(record.ports),
    dns: dnsFor(room, record.endpoints),
  };
}

/** The id that `libnetwork-setkey` entries carry: one a daemon. */
export function newControllerId(): string {
  return randomBytes(32).toString('hex');
}
