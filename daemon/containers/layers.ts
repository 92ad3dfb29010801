/*
 * Looks into a container's root without mounting it: an overlay's folders are searched from the top, whiteouts are obeyed (opaque folders cannot be seen from here), links are followed inside the root
 * only. This is what makes the look-up of users cost microseconds instead of a mount. Only for small reads (passwd, group); anything else mounts the root.
 */
import { lstatSync, readFileSync, readlinkSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import type { RootfsMount } from '../images/contract.ts';

const maxLinks = 40;
const maxFileBytes = 4 << 20;

/** The folders of a root, topmost first; undefined when it is not one that can be read this way. */
export function layersOf(mounts: readonly RootfsMount[]): string[] | undefined {
  const [mount, ...more] = mounts;
  if (!mount || more.length > 0) return undefined;
  if (mount.type === 'bind') return [mount.source];
  if (mount.type !== 'overlay') return undefined;
  const value = (name: string) => mount.options.find((one) => one.startsWith(`${name}=`))?.slice(name.length + 1);
  const upper = value('upperdir');
  const lower = value('lowerdir')?.split(':') ?? [];
  return upper ? [upper, ...lower] : lower;
}

/** A place found in the layers: the host path of the topmost one, and whether it is a folder. */
export interface Found {
  path: string;
  stats: Stats;
}

/** Finds `path` in the merged view, links followed. Undefined when it is not there. */
export function resolveInLayers(layers: readonly string[], path: string): Found | undefined {
  let pending = path.split('/').filter(Boolean);
  let at: string[] = [];
  let found: Found | undefined;
  for (let links = 0; pending.length > 0; ) {
    const [part = '', ...rest] = pending;
    pending = rest;
    if (part === '.') continue;
    if (part === '..') {
      at = at.slice(0, -1);
      continue;
    }
    found = lookUp(layers, [...at, part]);
    if (!found) return undefined;
    if (!found.stats.isSymbolicLink()) {
      at = [...at, part];
      continue;
    }
    links += 1;
    if (links > maxLinks) return undefined;
    const target = readlinkSync(found.path);
    if (target.startsWith('/')) at = [];
    pending = [...target.split('/').filter(Boolean), ...pending];
  }
  return at.length === 0 ? undefined : (found ?? lookUp(layers, at));
}

/** The topmost entry at these parts, none of which but the last may be a link. */
function lookUp(layers: readonly string[], parts: readonly string[]): Found | undefined {
  for (const layer of layers) {
    for (let depth = 1; depth <= parts.length; depth += 1) {
      const path = join(layer, ...parts.slice(0, depth));
      const stats = lstatSync(path, { throwIfNoEntry: false });
      if (!stats) break;
      if (stats.isCharacterDevice() && stats.rdev === 0) return undefined; // whiteout
      if (depth === parts.length) return { path, stats };
      if (!stats.isDirectory()) return undefined; // a file hides the folder below it
    }
  }
  return undefined;
}

/** A small file of the merged view as text; undefined when it is not there or no regular file. */
export function readInLayers(layers: readonly string[], path: string): string | undefined {
  const found = resolveInLayers(layers, path);
  if (!found?.stats.isFile() || found.stats.size > maxFileBytes) return undefined;
  return readFileSync(found.path, 'utf8');
}
