import { newId } from '../lib/id.ts';
import { demolish } from './close.ts';
import { allocateEndpoint } from './endpoints.ts';
import type { SandboxRecord } from './record.ts';
import type { ReadyNamespace, Room } from './room.ts';
import { wireSandbox } from './wiring.ts';

/** A namespace for a pool: wired to the default bridge with an address of its own, or empty. */
export async function makeReady(room: Room, isWired: boolean): Promise<ReadyNamespace> {
  const sandboxId = newId();
  const netnsPath = room.namespaces.pathOf(sandboxId);
  if (!isWired) return { sandboxId, netnsPath: await room.namespaces.make(sandboxId), endpoint: undefined };
  const network = room.networks.defaultBridge();
  const endpoint = await allocateEndpoint(room, network, { settings: {}, index: 0 });
  const record = {
    containerId: '',
    name: '',
    hostname: '',
    sandboxId,
    netnsPath,
    endpoints: [endpoint],
    ports: [],
    dnsServers: [],
  };
  try {
    await wireSandbox(room, record, { isMade: false });
  } catch (error) {
    await demolish(room, record);
    throw error;
  }
  return { sandboxId, netnsPath, endpoint };
}

/** Gives pooled namespaces up. */
export async function discardReady(room: Room, items: readonly ReadyNamespace[]): Promise<void> {
  for (const { sandboxId, netnsPath, endpoint } of items) {
    await demolish(room, { ...emptyRecord(sandboxId, netnsPath), endpoints: endpoint ? [endpoint] : [] });
  }
}

/** Nobody's sandbox. */
function emptyRecord(sandboxId: string, netnsPath: string): SandboxRecord {
  return { containerId: '', name: '', hostname: '', sandboxId, netnsPath, endpoints: [], ports: [], dnsServers: [] };
}
