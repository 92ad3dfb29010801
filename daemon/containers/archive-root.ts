import { closeSync, existsSync, mkdirSync, statSync } from 'node:fs';
import { unmount } from '../lib/mount.ts';
import { run } from '../lib/process.ts';
import { resolveInRoot } from '../lib/root-scope.ts';
import { openRoot } from './archive-place.ts';
import type { LiveContainer } from './live.ts';
import type { ProcessRoom } from './process-room.ts';

/**
 * Runs `work` with a handle on the container's root, volumes and binds in their places: of a running container its own mount namespace, else the root is mounted for the while.
 */
export async function withRoot<T>(room: ProcessRoom, container: LiveContainer, work: (root: number) => Promise<T>): Promise<T> {
  const { record } = container;
  if (record.state.Pid > 0 && existsSync(`/proc/${record.state.Pid}/root`))
    return await withHandle(`/proc/${record.state.Pid}/root`, work);
  return await room.images.withRootfs(record.id, record.snapshotter, async (root) => {
    if (record.mounts.length === 0) return await withHandle(root, work);
    await using undo = new AsyncDisposableStack();
    await mountVolumes(room, container, { root, undo });
    return await withHandle(root, work);
  });
}

async function withHandle<T>(path: string, work: (root: number) => Promise<T>): Promise<T> {
  const root = openRoot(path);
  try {
    return await work(root);
  } finally {
    closeSync(root);
  }
}

async function mountVolumes(
  room: ProcessRoom,
  { record }: LiveContainer,
  { root, undo }: { root: string; undo: AsyncDisposableStack },
): Promise<void> {
  const mounts = record.mounts.toSorted((a, b) => a.Destination.length - b.Destination.length); // outer ones first
  for (const { Type, Name, Source, Destination } of mounts) {
    let source = Source;
    if (Type === 'volume' && Name) {
      source = await room.volumes.mount(Name, record.id);
      undo.defer(() => room.volumes.unmount(Name, record.id));
    }
    const stats = source ? statSync(source, { throwIfNoEntry: false }) : undefined;
    if (!stats) continue;
    const target = await resolveInRoot(root, Destination); // nothing runs in there, so nobody changes it meanwhile
    if (!existsSync(target)) {
      if (!stats.isDirectory()) continue;
      mkdirSync(target, { recursive: true });
    }
    await run('mount', ['--bind', source, target]);
    undo.defer(() => unmount(target));
  }
}
