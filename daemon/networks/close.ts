import { releaseEndpoint } from './endpoints.ts';
import { withdrawPorts } from './publish.ts';
import type { EndpointRecord, NetworkRecord, SandboxRecord } from './record.ts';
import { driverOf, networkEvent, type Room } from './room.ts';
import { networkOfEndpoint } from './wiring.ts';

/** Gives back everything a container holds. Ports and the saved row are gone when this resolves; interfaces and namespace follow in the background. */
export async function closeSandbox(room: Room, containerId: string): Promise<void> {
  const sandbox = room.sandboxes.get(containerId);
  if (!sandbox) return;
  for (const endpoint of sandbox.record.endpoints) await leaving(room, sandbox.record, endpoint);
  room.sandboxes.delete(containerId);
  for (const endpoint of sandbox.record.endpoints) room.names.remove(endpoint);
  room.store.delete('endpoints', containerId);
  const { published } = sandbox;
  sandbox.published = undefined;
  if (published) await withdrawPorts(room, published);
  room.ports.release(sandbox.held);
  await demolish(room, sandbox.record);
  for (const endpoint of sandbox.record.endpoints)
    networkEvent(room, 'disconnect', networkOfEndpoint(room, endpoint), containerId);
}

/** Gives a sandbox's interfaces, namespace and addresses to the reaper. */
export async function demolish(room: Room, record: SandboxRecord): Promise<void> {
  await room.neighbours
    .remove(record.endpoints)
    .catch((error: unknown) => room.log.warn('shortcuts between containers not removed', { error }));
  const commands: string[] = [];
  for (const endpoint of record.endpoints) {
    const network = networkOfEndpoint(room, endpoint);
    if (endpoint.hostIfname !== '') commands.push(...(await driverOf(room, network).unplan(network, endpoint)));
  }
  room.reaper.add({
    commands,
    netnsPath: record.netnsPath === 'host' ? undefined : record.netnsPath,
    gone() {
      for (const endpoint of record.endpoints) releaseEndpoint(room, endpoint);
    },
  });
}

/** What hook plugins see of a network. */
export function viewOf({ id, name, driver }: NetworkRecord): { Id: string; Name: string; Driver: string } {
  return { Id: id, Name: name, Driver: driver };
}

/** Before an endpoint goes: hook. */
export async function leaving(room: Room, record: SandboxRecord, endpoint: EndpointRecord): Promise<void> {
  if (!room.hooks?.has('network.preDisconnect')) return;
  await room.hooks.run('network.preDisconnect', viewOf(networkOfEndpoint(room, endpoint)), record.containerId);
}
