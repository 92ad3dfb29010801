import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { conflict, internal, invalidArgument } from '../errors/error.ts';
import { mountAll, unmount } from '../lib/mount.ts';
import type { ResolvedMount } from '../spec/contract.ts';
import type { MountPoint } from '../types/docker/container.ts';
import type { LiveContainer } from './live.ts';
import { tmpfsMountOptions, tmpfsOptions } from './mount-spec.ts';
import type { Room } from './room.ts';
import { runningDonor } from './start-network.ts';

/** The mounts of one run, ready for the spec: volumes mounted, missing sources of `-v` made, shared memory set up. What was mounted is given back by `undo`. */
export async function startMounts(room: Room, container: LiveContainer, undo: AsyncDisposableStack): Promise<ResolvedMount[]> {
  const { record } = container;
  const mounts: ResolvedMount[] = [];
  for (const point of record.mounts) mounts.push(await ownMount(room, container, point, undo));
  for (const [destination, options] of Object.entries(record.hostConfig.Tmpfs ?? {})) {
    const parsed = tmpfsOptions(options);
    mounts.push({ type: 'tmpfs', source: '', destination, readOnly: parsed.includes('ro'), options: parsed });
  }
  const isTaken = (destination: string) => mounts.some((one) => one.destination === destination);
  if (!isTaken('/dev/shm')) mounts.push(...(await sharedMemory(room, container, undo)));
  return mounts;
}

/** Binds of hosts, hostname and resolv.conf, where the container has nothing of its own there. `dir` is the folder they lie in. */
export function fileMounts(container: LiveContainer, dir: string, own: readonly ResolvedMount[]): ResolvedMount[] {
  const readOnly = container.record.hostConfig.ReadonlyRootfs === true;
  return ['resolv.conf', 'hostname', 'hosts']
    .map((name) => ({ name, destination: `/etc/${name}` }))
    .filter(({ destination }) => !own.some((one) => one.destination === destination))
    .map(({ name, destination }) => ({ type: 'bind', source: join(dir, name), destination, readOnly, options: [] }));
}

async function ownMount(
  room: Room,
  container: LiveContainer,
  point: MountPoint,
  undo: AsyncDisposableStack,
): Promise<ResolvedMount> {
  const { id, hostConfig } = container.record;
  const asked = hostConfig.Mounts?.find((mount) => mount.Target === point.Destination);
  const readOnly = !point.RW;
  switch (point.Type) {
    case 'volume': {
      const name = point.Name ?? '';
      const source = await room.volumes.mount(name, id, {
        destination: point.Destination,
        readOnly,
        propagation: point.Propagation,
      });
      container.run.volumeMounts.push(name);
      undo.defer(() => room.volumes.unmount(name, id));
      return { type: 'bind', source, destination: point.Destination, readOnly, options: [] };
    }
    case 'bind': {
      if (!existsSync(point.Source)) {
        if (asked && !asked.BindOptions?.CreateMountpoint) {
          throw invalidArgument(`invalid mount config for type "bind": bind source path does not exist: ${point.Source}`);
        }
        await makeSource(point.Source);
      }
      const options = [...(asked?.BindOptions?.NonRecursive ? ['bind'] : ['rbind']), point.Propagation || 'rprivate'];
      return { type: 'bind', source: point.Source, destination: point.Destination, readOnly, options };
    }
    case 'tmpfs':
      return {
        type: 'tmpfs',
        source: '',
        destination: point.Destination,
        readOnly,
        options: asked ? tmpfsMountOptions(asked) : [],
      };
    default:
      throw internal(`mount of an unknown type: ${point.Type}`);
  }
}

async function makeSource(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o755 });
  } catch (error) {
    throw internal(
      `error while creating mount source path '${path}': ${error instanceof Error ? error.message : String(error)}`,
      error,
    );
  }
}

const shmOptions = (bytes: number) => ['nosuid', 'noexec', 'nodev', 'mode=1777', `size=${bytes}`];

async function sharedMemory(room: Room, container: LiveContainer, undo: AsyncDisposableStack): Promise<ResolvedMount[]> {
  const { hostConfig, id } = container.record;
  const options = shmOptions(hostConfig.ShmSize ?? room.config.defaultShmSizeBytes);
  const bind = (source: string): ResolvedMount => ({
    type: 'bind',
    source,
    destination: '/dev/shm',
    readOnly: false,
    options: ['rbind'],
  });
  const mode = hostConfig.IpcMode ?? 'private';
  if (mode === 'none') return [];
  if (mode === 'host') return [bind('/dev/shm')];
  const donor = runningDonor(room, mode, 'IPC');
  if (donor) {
    const theirs = donor.record.hostConfig.IpcMode;
    if (theirs === 'host') return [bind('/dev/shm')];
    const source = donor.run.hostMounts[0] ?? shmPath(room, donor.record.id);
    if (theirs !== 'shareable' || !existsSync(source)) {
      throw conflict(
        `can't join IPC of container ${donor.record.id}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)`,
      );
    }
    return [bind(source)];
  }
  if (mode !== 'shareable') return [{ type: 'tmpfs', source: '', destination: '/dev/shm', readOnly: false, options }];
  const path = shmPath(room, id);
  await mkdir(path, { recursive: true, mode: 0o700 });
  await unmount(path);
  await mountAll([{ type: 'tmpfs', source: 'shm', options }], path);
  container.run.hostMounts = [path];
  undo.defer(() => unmount(path));
  return [bind(path)];
}

/** Where the shared memory of a shareable container is mounted on the host. */
export function shmPath(room: Pick<Room, 'state'>, id: string): string {
  return join(room.state, id, 'shm');
}
