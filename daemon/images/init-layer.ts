/*
 * Docker puts one more layer between an image and its containers: empty files and folders as mount points. With it a read-only root has every mount point, and
 * `docker diff` does not show them. Here it is one committed snapshot per chain, shared by all containers; what the image has already is left as it is.
 */
import { randomUUID } from 'node:crypto';
import { lstat, mkdir, rmdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ContainerdClient } from '../ctrd/contract.ts';
import { isKind } from '../errors/error.ts';
import { mountAll, unmount } from '../lib/mount.ts';

const points = [
  { path: 'dev', kind: 'dir' },
  { path: 'dev/pts', kind: 'dir' },
  { path: 'dev/shm', kind: 'dir' },
  { path: 'dev/console', kind: 'file' },
  { path: 'proc', kind: 'dir' },
  { path: 'sys', kind: 'dir' },
  { path: 'etc', kind: 'dir' },
  { path: 'etc/hosts', kind: 'file' },
  { path: 'etc/hostname', kind: 'file' },
  { path: 'etc/resolv.conf', kind: 'file' },
  { path: 'etc/mtab', kind: 'link', target: '/proc/mounts' },
  { path: '.dockerenv', kind: 'file' },
] as const;

/** Key of the init layer's snapshot over a chain ('' is an image without layers). */
export function initKeyOf(chainId: string): string {
  return `pouch-init-${chainId.slice('sha256:'.length) || 'scratch'}`;
}

/** Makes and commits the init layer over `chainId`. Another client that was faster is no error. */
export async function makeInitLayer(
  { client, workDir }: { client: ContainerdClient; workDir: string },
  chainId: string,
  { snapshotter, lease, signal }: { snapshotter: string; lease: string; signal?: AbortSignal },
): Promise<void> {
  const key = `pouch-extract-${randomUUID()}`;
  const { mounts } = await client.snapshots.prepare({ snapshotter, key, parent: chainId }, { lease, signal });
  try {
    await withMounted(mounts, workDir, fill);
    await client.snapshots.commit({ snapshotter, name: initKeyOf(chainId), key }, { lease, signal });
  } catch (error) {
    await client.snapshots.remove({ snapshotter, key }).catch(() => undefined); // the lease's end takes what is left
    if (!isKind(error, 'alreadyExists')) throw error;
  }
}

/** Runs `work` with mounts at a private folder under `workDir`; unmounts and removes the folder afterwards. */
export async function withMounted<T>(
  mounts: readonly { type: string; source: string; options: string[] }[],
  workDir: string,
  work: (root: string) => Promise<T>,
): Promise<T> {
  const root = join(workDir, `mnt-${randomUUID()}`);
  await mkdir(root, { mode: 0o700 });
  try {
    await mountAll(mounts, root);
    try {
      return await work(root);
    } finally {
      await unmount(root);
    }
  } finally {
    await rmdir(root);
  }
}

/** A parent that the image has as a link is not followed (it could lead out of the root); the runtime makes such a mount point itself. */
async function fill(root: string): Promise<void> {
  for (const point of points) {
    const path = join(root, point.path);
    const parent = await lstat(dirname(path)).catch(() => undefined);
    if (!parent?.isDirectory() || (await exists(path))) continue;
    if (point.kind === 'dir') await mkdir(path, { mode: 0o755 });
    else if (point.kind === 'link') await symlink(point.target, path);
    else await writeFile(path, '', { mode: 0o755, flag: 'wx' });
  }
}

async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined;
}
