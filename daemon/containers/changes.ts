/*
 * Changes of a container's root against its image: the upper folder of the overlay is walked and each entry judged as Docker does. A whiteout (character device 0:0) is a deletion; what a lower layer has is a
 * change (a folder only when its own mode, size or time differ, or something below it came or went), anything else an addition. A folder that was removed and made anew hides what
 * the lower ones have there; Node cannot read the attribute that marks it, so the merged view is asked.
 */

import type { BigIntStats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { notImplemented } from '../errors/error.ts';
import type { RootfsMount } from '../images/contract.ts';
import type { ProcessRoom } from './process-room.ts';
import { withRootfsPath } from './rootfs-path.ts';

/** `Kind` 0 is changed, 1 added, 2 deleted. */
export interface Change {
  Path: string;
  Kind: 0 | 1 | 2;
}

const changed = 0;
const added = 1;
const deleted = 2;

/** The answer of changes, in the order of paths; null when nothing was changed, as Docker answers. */
export async function changes(room: ProcessRoom, ref: string): Promise<Change[] | null> {
  const container = room.table.resolve(ref);
  const mounts = await room.images.rootfsMounts(container.record.id, container.record.snapshotter);
  const { upper, lower } = overlayOf(mounts);
  const walk = new OverlayWalk(upper, lower, (work) => withRootfsPath(room, container, work));
  const found = await walk.run();
  return found.length > 0 ? found : null;
}

function overlayOf(mounts: readonly RootfsMount[]): { upper: string; lower: string[] } {
  const [mount] = mounts;
  const value = (name: string) => mount?.options.find((one) => one.startsWith(`${name}=`))?.slice(name.length + 1);
  const upper = value('upperdir');
  if (mount?.type === 'bind') return { upper: mount.source, lower: [] }; // an image without layers
  if (mount?.type !== 'overlay' || !upper)
    throw notImplemented(`changes cannot be told for a root of type ${mount?.type ?? 'none'}`);
  return { upper, lower: value('lowerdir')?.split(':') ?? [] };
}

/** One walk over an upper folder. Exported for tests. */
export class OverlayWalk {
  readonly #upper: string;
  readonly #lower: readonly string[];
  readonly #withMerged: <T>(work: (root: string) => Promise<T>) => Promise<T>;
  readonly #changes: Change[] = [];
  /** Folders that stand in the answer already. */
  readonly #told = new Set<string>();
  /** Folders of which lower layers have entries that the upper one does not name: hidden ones, if the folder is opaque. */
  readonly #suspects: { path: string; names: string[] }[] = [];

  constructor(upper: string, lower: readonly string[], withMerged: <T>(work: (root: string) => Promise<T>) => Promise<T>) {
    this.#upper = upper;
    this.#lower = lower;
    this.#withMerged = withMerged;
  }

  async run(): Promise<Change[]> {
    await this.#folder('', this.#lower.length > 0);
    if (this.#suspects.length > 0) await this.#hidden();
    return this.#changes.sort((a, b) => (a.Path < b.Path ? -1 : a.Path > b.Path ? 1 : 0));
  }

  /** `inLower`: a lower layer may have something at or below this path. */
  async #folder(path: string, inLower: boolean): Promise<void> {
    const names = await readdir(join(this.#upper, path));
    for (const name of names.sort()) await this.#entry(`${path}/${name}`, inLower);
    if (inLower && path !== '') await this.#suspect(path, new Set(names));
  }

  async #entry(path: string, inLower: boolean): Promise<void> {
    const stats = await lstat(join(this.#upper, path), { bigint: true });
    if (stats.isCharacterDevice() && stats.rdev === 0n) {
      this.#tell(path, deleted);
      return;
    }
    const before = inLower ? await this.#lowerStats(path) : undefined;
    const isSameFolder = before?.isDirectory() && stats.isDirectory() && looksSame(before, stats);
    if (!isSameFolder) this.#tell(path, before ? changed : added);
    if (stats.isDirectory()) await this.#folder(path, before?.isDirectory() === true);
  }

  #tell(path: string, kind: Change['Kind']): void {
    const parent = path.slice(0, path.lastIndexOf('/'));
    // What came or went changes its folder, whatever the folder's own times say.
    if (kind !== changed && parent !== '' && !this.#told.has(parent)) this.#add(parent, changed);
    this.#add(path, kind);
  }

  #add(path: string, kind: Change['Kind']): void {
    if (this.#told.has(path)) return;
    this.#told.add(path);
    this.#changes.push({ Path: path, Kind: kind });
  }

  async #lowerStats(path: string): Promise<BigIntStats | undefined> {
    for (const layer of this.#lower) {
      const stats = await lstat(join(layer, path), { bigint: true }).catch(() => undefined);
      if (stats) return stats.isCharacterDevice() && stats.rdev === 0n ? undefined : stats;
    }
    return undefined;
  }

  async #suspect(path: string, upperNames: ReadonlySet<string>): Promise<void> {
    const names = new Set<string>();
    const gone = new Set<string>();
    for (const layer of this.#lower) {
      const entries = await readdir(join(layer, path), { withFileTypes: true }).catch(() => []);
      for (const entry of entries) {
        if (upperNames.has(entry.name) || gone.has(entry.name) || names.has(entry.name)) continue;
        (entry.isCharacterDevice() ? gone : names).add(entry.name);
      }
    }
    if (names.size > 0) this.#suspects.push({ path, names: [...names] });
  }

  async #hidden(): Promise<void> {
    await this.#withMerged(async (root) => {
      for (const { path, names } of this.#suspects) {
        const visible = new Set(await readdir(join(root, path)).catch(() => []));
        for (const name of names) if (!visible.has(name)) this.#tell(`${path}/${name}`, deleted);
      }
    });
  }
}

function looksSame(a: BigIntStats, b: BigIntStats): boolean {
  return a.mode === b.mode && a.mtimeNs === b.mtimeNs && a.uid === b.uid && a.gid === b.gid;
}
