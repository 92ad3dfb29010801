/*
 * Unpacks a tar stream into a folder of a root that is not trusted: a process inside may change the tree meanwhile. So no path is handed to the kernel as a whole: every entry's folder is walked to
 * (links followed inside the root only) and the entry is made there by its bare name, never through a link. Times of folders are set last, for what is put into them changes them.
 */
import { closeSync, constants, linkSync, lutimesSync, mkdirSync, readdirSync, rmdirSync, symlinkSync, unlinkSync } from 'node:fs';
import { lchown, open } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path/posix';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract, type Header } from 'tar-stream';
import { invalidArgument } from '../errors/error.ts';
import { decompress } from '../lib/decompress.ts';
import { run } from '../lib/process.ts';
import { at, findPlace, openFolder, type Place, statAt } from './archive-place.ts';

/** Where and how to unpack. */
export interface ExtractOptions {
  root: number;
  /** Folder inside the root, without links. */
  path: string;
  /** Refuse to replace a folder with something else, and the reverse. */
  noOverwriteDirNonDir: boolean;
  /** Owner of everything; undefined keeps the archive's. */
  owner: { uid: number; gid: number } | undefined;
}

/** Unpacks all of `source`; what was unpacked before a failure stays. */
export async function extractInto(options: ExtractOptions, source: AsyncIterable<Uint8Array>): Promise<void> {
  const archive = extract();
  const feeding = pipeline(decompress(source), archive);
  feeding.catch(() => undefined); // awaited below; the loop sees it first
  using extractor = new Extractor(options);
  for await (const entry of archive) {
    await extractor.entry(entry.header, entry as unknown as Readable); // streamx, which pipeline takes as one of Node's
    entry.resume();
  }
  await feeding;
  extractor.finish();
}

class Extractor {
  readonly #options: ExtractOptions;
  readonly #folderTimes: { path: string; mtime: Date }[] = [];
  /** The folder of the last entry stays open: entries of one folder come together. */
  #folder: { path: string; place: Place } | undefined;

  constructor(options: ExtractOptions) {
    this.#options = options;
  }

  async entry(header: Header, content: Readable): Promise<void> {
    const path = this.#inside(header.name);
    if (path === '') return; // the folder itself is there, and stays as it is
    const name = basename(path);
    const { dir } = this.#folderOf(dirname(path));
    this.#clear(dir, name, header);
    await this.#make(dir, name, { header, content });
    if (header.type === 'directory') this.#folderTimes.push({ path, mtime: header.mtime ?? new Date(0) });
  }

  finish(): void {
    for (const { path, mtime } of this.#folderTimes.reverse()) {
      using place = findPlace(this.#options.root, join(this.#options.path, path), { follow: false });
      if (place.stats?.isDirectory()) lutimesSync(at(place.dir, '.'), mtime, mtime);
    }
  }

  [Symbol.dispose](): void {
    this.#folder?.place[Symbol.dispose]();
  }

  /** A name of the archive relative to the target; throws for one that leads out of it. */
  #inside(name: string): string {
    const clean = join('/', name).slice(1).replace(/\/$/, '');
    if (join('.', name).startsWith('..'))
      throw invalidArgument(`${JSON.stringify(name)} is outside of ${JSON.stringify(this.#options.path)}`);
    return clean;
  }

  #folderOf(path: string): Place {
    if (this.#folder?.path === path) return this.#folder.place;
    this.#folder?.place[Symbol.dispose]();
    this.#folder = undefined;
    const make = (dir: number, name: string): void => mkdirSync(at(dir, name), 0o755);
    const place = findPlace(this.#options.root, join(this.#options.path, path), { follow: true, make });
    if (place.name !== '.') {
      place[Symbol.dispose]();
      throw invalidArgument(`${join(this.#options.path, path)}: not a directory`);
    }
    this.#folder = { path, place };
    return place;
  }

  /** Takes away what stands in the place of a new entry; a folder under a folder stays. */
  #clear(dir: number, name: string, { type, name: shown }: Header): void {
    const stats = statAt(dir, name);
    if (!stats) return;
    const isFolder = type === 'directory';
    if (stats.isDirectory() && isFolder) return;
    const target = JSON.stringify(join(this.#options.path, this.#inside(shown)));
    if (this.#options.noOverwriteDirNonDir && stats.isDirectory()) {
      throw invalidArgument(`cannot overwrite directory ${target} with non-directory ${JSON.stringify(this.#options.path)}`);
    }
    if (this.#options.noOverwriteDirNonDir && isFolder) {
      throw invalidArgument(`cannot overwrite non-directory ${target} with directory ${JSON.stringify(this.#options.path)}`);
    }
    removeTree(dir, name, stats.isDirectory());
  }

  async #make(dir: number, name: string, { header, content }: { header: Header; content: Readable }): Promise<void> {
    const place = at(dir, name);
    const owner = this.#options.owner ?? { uid: header.uid ?? 0, gid: header.gid ?? 0 };
    const mode = (header.mode ?? 0o644) & 0o7777;
    const mtime = header.mtime ?? new Date(0);
    switch (header.type) {
      case 'directory': {
        if (!statAt(dir, name)) mkdirSync(place, 0o700);
        await using folder = await open(place, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
        await folder.chown(owner.uid, owner.gid);
        await folder.chmod(mode);
        return;
      }
      case 'symlink':
        symlinkSync(header.linkname ?? '', place);
        break;
      case 'link': {
        using target = findPlace(this.#options.root, join(this.#options.path, this.#inside(header.linkname ?? '')), {
          follow: false,
        });
        linkSync(at(target.dir, target.name), place);
        return; // owner and mode are the target's
      }
      case 'fifo':
      case 'character-device':
      case 'block-device':
        await makeNode(dir, name, { header, mode });
        break;
      default: {
        // Regular, also in its old and contiguous forms.
        const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
        await using file = await open(place, flags, 0o600);
        await file.writeFile(content);
        await file.chown(owner.uid, owner.gid);
        await file.chmod(mode); // after the owner: a change of owner clears setuid
        await file.utimes(mtime, mtime);
        return;
      }
    }
    await lchown(place, owner.uid, owner.gid);
    lutimesSync(place, mtime, mtime);
  }
}

async function makeNode(dir: number, name: string, { header, mode }: { header: Header; mode: number }): Promise<void> {
  const kind = header.type === 'fifo' ? 'p' : header.type === 'character-device' ? 'c' : 'b';
  const numbers = kind === 'p' ? [] : [String(header.devmajor ?? 0), String(header.devminor ?? 0)];
  await run('mknod', ['-m', mode.toString(8), `./${name}`, kind, ...numbers], { cwd: `/proc/self/fd/${dir}` });
}

/** Removes an entry and all below it, without following a link. */
function removeTree(dir: number, name: string, isFolder: boolean): void {
  if (!isFolder) {
    unlinkSync(at(dir, name));
    return;
  }
  const folder = openFolder(dir, name);
  try {
    for (const entry of readdirSync(at(folder, '.'), { withFileTypes: true }))
      removeTree(folder, entry.name, entry.isDirectory());
  } finally {
    closeSync(folder);
  }
  rmdirSync(at(dir, name));
}
