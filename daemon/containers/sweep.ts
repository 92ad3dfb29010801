import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { unmount } from '../lib/mount.ts';
import { forEach } from './for-each.ts';
import { removeFromContainerd } from './remove.ts';
import type { Room } from './room.ts';
import { removeTask } from './task.ts';

/** What containerd has beside tasks, and the folders there are. */
interface Leftovers {
  containers: string[];
  roots: { key: string; snapshotter: string }[];
  folders: string[];
}

/** Removes what belongs to no container, nor to one that is being made. */
export async function sweep(room: Room, tasks: readonly string[]): Promise<void> {
  const found = await findLeftovers(room);
  const isOrphan = (id: string) => /^[0-9a-f]{64}$/.test(id) && !room.table.isOwner(id);
  await forEach(room, [...new Set([...found.containers, ...tasks])].filter(isOrphan), async (id) => {
    await removeTask(room, id);
    await removeFromContainerd(room, id);
  });
  await forEach(
    room,
    found.roots.filter(({ key }) => isOrphan(key)),
    ({ key, snapshotter }) => room.images.removeRootfs(key, snapshotter),
  );
  await forEach(room, [...new Set(found.folders)].filter(isOrphan), async (id) => {
    await unmount(join(room.state, id, 'shm'));
    for (const base of [room.root, room.state]) await rm(join(base, id), { recursive: true, force: true });
  });
}

async function findLeftovers(room: Room): Promise<Leftovers> {
  const [containers, roots, ...folders] = await Promise.all([
    listContainers(room),
    room.images.listRootfs(),
    ...[room.root, room.state].map((base) => readdir(base)),
  ]);
  return { containers, roots, folders: folders.flat() };
}

/** One message a container: hundreds of specs at once would be megabytes. */
async function listContainers(room: Room): Promise<string[]> {
  const ids: string[] = [];
  for await (const { container } of room.ctrd.client.containers.listStream({ filters: ['labels."io.pouchd.container"'] })) {
    if (container) ids.push(container.id);
  }
  return ids;
}
