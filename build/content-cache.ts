// Results of stages kept by the content of their inputs: cacheDir/<stage>/<key>/. A key is a hash; an entry appears whole or not at all
// (written beside, then renamed), so that builds running at the same time share it safely. The newest few entries of a stage are kept.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import path from 'node:path';

const keep = 8;

/** Hash of strings and buffers, each with its length, so that no two lists of parts collide. */
export function hashOf(...parts: readonly (string | NodeJS.ArrayBufferView)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) {
    hash.update(`${typeof part === 'string' ? Buffer.byteLength(part) : part.byteLength}:`);
    hash.update(part);
  }
  return hash.digest('hex').slice(0, 40);
}

/** Hash of the names and contents of files; a missing file counts as such. Order matters. */
export function hashFiles(files: Iterable<string>): string {
  const parts: (string | Buffer)[] = [];
  for (const file of files) {
    parts.push(file);
    try {
      parts.push(readFileSync(file));
    } catch (error) {
      parts.push(String((error as NodeJS.ErrnoException).code)); // ENOENT and EISDIR are part of the content
    }
  }
  return hashOf(...parts);
}

/** All files below a folder, sorted, without node_modules, version control and editor droppings. */
export function listFiles(folder: string): string[] {
  const skip = new Set(['node_modules', '.git', '.DS_Store']);
  const out: string[] = [];
  const visit = (dir: string): void => {
    for (const entry of readdirSync(dir, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (skip.has(entry.name)) continue;
      const full = path.join(dir, entry.name);
      if (entry.isDirectory()) visit(full);
      else if (entry.isFile() || entry.isSymbolicLink()) out.push(full);
    }
  };
  visit(folder);
  return out;
}

/** A finished entry: its folder, and whether it was there already. */
export interface CacheEntry {
  readonly dir: string;
  readonly hit: boolean;
}

/** The folder of an entry that is there; it counts as used. */
export function lookup(cacheDir: string, stage: string, key: string): string | undefined {
  const dir = path.join(cacheDir, stage, key);
  if (!existsSync(dir)) return undefined;
  const now = new Date();
  utimesSync(dir, now, now);
  return dir;
}

/** Makes an entry in a draft folder; `make` fills it and returns its key. What `make` throws is thrown on and leaves nothing. */
export async function create(
  cacheDir: string,
  stage: string,
  make: (draft: string) => Promise<string> | string,
): Promise<string> {
  const home = path.join(cacheDir, stage);
  mkdirSync(home, { recursive: true });
  const draft = mkdtempSync(path.join(home, '.draft-'));
  try {
    const dir = path.join(home, await make(draft));
    try {
      renameSync(draft, dir);
    } catch (error) {
      if (!existsSync(dir)) throw error; // else another build was first, with the same content
    }
    prune(home, dir);
    return dir;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/** Returns the entry of `key`, made by `make(draft)` when absent. */
export async function cached(
  cacheDir: string,
  stage: string,
  key: string,
  make: (draft: string) => Promise<void> | void,
): Promise<CacheEntry> {
  const dir = lookup(cacheDir, stage, key);
  if (dir) return { dir, hit: true };
  const made = await create(cacheDir, stage, async (draft) => {
    await make(draft);
    return key;
  });
  return { dir: made, hit: false };
}

function prune(home: string, current: string): void {
  const entries = readdirSync(home)
    .filter((name) => !name.startsWith('.draft-'))
    .map((name) => path.join(home, name))
    .filter((dir) => dir !== current)
    .map((dir) => ({ dir, at: statSync(dir, { throwIfNoEntry: false })?.mtimeMs ?? 0 }))
    .sort((a, b) => b.at - a.at);
  for (const { dir } of entries.slice(keep)) rmSync(dir, { recursive: true, force: true });
}
