import { readdir } from 'node:fs/promises';
import { conflict, forbidden, invalidArgument, isKind } from '../errors/error.ts';
import { extractInto } from './archive-extract.ts';
import { findPlace, type Place } from './archive-place.ts';
import { withRoot } from './archive-root.ts';
import { absolutePath, baseName, fileNotFound, type PathStat, pathStat } from './archive-stat.ts';
import { sedText, type TarOutput, writeTar } from './archive-tar.ts';
import { containerUser } from './container-user.ts';
import type { LiveContainer } from './live.ts';
import type { ProcessRoom } from './process-room.ts';
import { withRootfsPath } from './rootfs-path.ts';

/** A path as it was asked for, and by which name of the container, for messages. */
export interface PathQuery {
  ref: string;
  path: string;
}

/** What is at a path of a container, running or not. */
export async function archiveStat(room: ProcessRoom, query: PathQuery): Promise<PathStat> {
  const container = usable(room, query.ref);
  return await withRoot(room, container, async (root) => {
    const absolute = absolutePath(query.path);
    using place = existing(root, absolute, { query, follow: false });
    return pathStat(root, place, absolute);
  });
}

/** Sends a path of a container as tar; `open` is told what is there before the first byte. */
export async function archiveGet(
  room: ProcessRoom,
  query: PathQuery & { signal?: AbortSignal },
  open: (stat: PathStat) => TarOutput,
): Promise<void> {
  const container = usable(room, query.ref);
  await withRoot(room, container, async (root) => {
    const absolute = absolutePath(query.path);
    using place = existing(root, absolute, { query, follow: false });
    const stat = pathStat(root, place, absolute);
    const base = baseName(absolute);
    const isFolder = place.name === '.';
    const isRunning = container.record.state.Pid > 0;
    await writeTar(
      {
        cwd: `/proc/self/fd/${place.dir}`,
        names: [isFolder ? '.' : `./${place.name}`],
        transform:
          base === '/'
            ? 'flags=rSh;s,^\\./*,/,'
            : isFolder
              ? `flags=rSh;s,^\\.,${sedText(base)},`
              : `flags=rSh;s,^.*$,${sedText(base)},`,
        // In a running container's own view these are the kernel's, endless or not to be read.
        exclude: isRunning && place.path === '/' ? ['./proc/*', './sys/*', './dev/*'] : [],
        signal: query.signal,
      },
      () => open(stat),
    );
  });
  room.table.event(container, 'archive-path');
}

/** Unpacks a tar stream (packed or not) into a folder of a container. */
export async function archivePut(
  room: ProcessRoom,
  query: PathQuery & { noOverwriteDirNonDir: boolean; copyUidGid: boolean },
  source: AsyncIterable<Uint8Array>,
): Promise<void> {
  const container = usable(room, query.ref);
  const { record } = container;
  const owner = query.copyUidGid && record.config.User ? await containerUser(room, container, record.config.User) : undefined;
  await withRoot(room, container, async (root) => {
    using place = existing(root, absolutePath(query.path), { query, follow: true });
    if (!place.stats?.isDirectory()) throw invalidArgument('extraction point is not a directory');
    mustBeWritable(container, place.path);
    await extractInto({ root, path: place.path, noOverwriteDirNonDir: query.noOverwriteDirNonDir, owner }, source);
  });
  room.table.event(container, 'extract-to-dir');
}

/** Sends a container's whole root, without volumes, as tar. */
export async function exportRoot(
  room: ProcessRoom,
  query: { ref: string; signal?: AbortSignal },
  open: () => TarOutput,
): Promise<void> {
  const container = usable(room, query.ref);
  await withRootfsPath(room, container, async (root) => {
    await writeTar({ cwd: root, names: await readdir(root), signal: query.signal }, open);
  });
  room.table.event(container, 'export');
}

function usable(room: ProcessRoom, ref: string): LiveContainer {
  const container = room.table.resolve(ref);
  if (container.run.removing) throw conflict(`Container ${container.record.id} is marked for removal`);
  return container;
}

function existing(root: number, absolute: string, { query, follow }: { query: PathQuery; follow: boolean }): Place {
  try {
    const place = findPlace(root, absolute, { follow });
    if (place.stats && (place.name === '.' || !/\/\.?$/.test(absolute))) return place;
    place[Symbol.dispose]();
  } catch (error) {
    if (!isKind(error, 'notFound')) throw error;
  }
  throw fileNotFound(query.path, query.ref);
}

/** Docker's two refusals. What is below a mount counts as the mount's. */
function mustBeWritable({ record }: LiveContainer, path: string): void {
  const mount = record.mounts
    .filter(({ Destination }) => path === Destination || path.startsWith(`${Destination.replace(/\/$/, '')}/`))
    .toSorted((a, b) => b.Destination.length - a.Destination.length)[0];
  if (mount && !mount.RW) throw forbidden('mounted volume is marked read-only');
  if (!mount && record.hostConfig.ReadonlyRootfs) throw forbidden('container rootfs is marked read-only');
}
