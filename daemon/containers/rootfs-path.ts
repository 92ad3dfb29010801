import { readFile } from 'node:fs/promises';
import type { LiveContainer } from './live.ts';
import type { Room } from './room.ts';

/** Runs `work` with a host path of the container's root: where containerd has it mounted while it runs, else mounted for the while. */
export async function withRootfsPath<T>(
  room: Pick<Room, 'images'>,
  { record }: Pick<LiveContainer, 'record'>,
  work: (rootfs: string) => Promise<T>,
): Promise<T> {
  const mounted = record.state.Pid > 0 ? await mountedRoot(record.id) : undefined;
  if (mounted) return await work(mounted);
  return await room.images.withRootfs(record.id, record.snapshotter, work);
}

/** The bundle's rootfs of a task, as this mount namespace sees it; undefined when there is none. */
export async function mountedRoot(id: string): Promise<string | undefined> {
  const table = await readFile('/proc/self/mountinfo', 'utf8');
  const suffix = `/${id}/rootfs`;
  return table
    .split('\n')
    .map((line) => line.split(' ')[4])
    .find((path) => path?.endsWith(suffix));
}
