/*
 * Finds a path inside a root that is not trusted. Every component is opened by itself, relative to the folder before it and without following links (`/proc/self/fd/N/name` with
 * O_NOFOLLOW); links are read and resolved here, with the root as `/`. So neither `..` nor a link, nor one that a process inside swaps in meanwhile, leads out of the root.
 */
import { type BigIntStats, closeSync, constants, lstatSync, openSync, readlinkSync } from 'node:fs';
import { invalidArgument, PouchError } from '../errors/error.ts';

/** Linux's flag for a handle on a place, which Node does not name. */
const O_PATH = 0o10000000;
const folderFlags = O_PATH | constants.O_NOFOLLOW | constants.O_DIRECTORY;
const maxLinks = 255;

/** Where a path ended up: an entry `name` of the open folder `dir`; `.` when it is a folder itself. Dispose it to close what is open. */
export interface Place extends Disposable {
  readonly dir: number;
  readonly name: string;
  /** Absolute inside the root, without links. */
  readonly path: string;
  /** Undefined when there is nothing of that name. */
  readonly stats: BigIntStats | undefined;
}

/** The host path of an entry of an open folder: good for calls that do not follow the last component. */
export function at(dir: number, name: string): string {
  return `/proc/self/fd/${dir}/${name}`;
}

/** Opens a folder that is to be a root. */
export function openRoot(path: string): number {
  return openSync(path, O_PATH | constants.O_DIRECTORY);
}

/** Opens a sub-folder without following a link. */
export function openFolder(dir: number, name: string): number {
  return openSync(at(dir, name), folderFlags);
}

/** What an entry is, links not followed; undefined when there is none. */
export function statAt(dir: number, name: string): BigIntStats | undefined {
  return lstatSync(at(dir, name), { bigint: true, throwIfNoEntry: false });
}

/** How `findPlace` treats links and what is missing. */
export interface FindOptions {
  /** Resolve a link in the last place too, as a trailing slash does. */
  follow: boolean;
  /** Called for a component that is missing; must make the folder. */
  make?: (dir: number, name: string) => void;
  /** A path that goes on after something missing is given as it is. */
  lenient?: boolean;
}

/**
 * Walks to `path`. Throws notFound with the text `no such file or directory` for a path through a missing or non-folder component.
 */
export function findPlace(root: number, path: string, options: FindOptions): Place {
  const walk = new Walk(root);
  try {
    return walk.to(path, options);
  } catch (error) {
    walk.close();
    throw error;
  }
}

class Walk {
  /** Open folders from the root down; the first one is the caller's. */
  readonly #open: { fd: number; name: string }[];

  constructor(root: number) {
    this.#open = [{ fd: root, name: '' }];
  }

  to(path: string, { follow, make, lenient }: FindOptions): Place {
    let pending = partsOf(path);
    let links = 0;
    const followsLast = follow || /\/\.?$/.test(path);
    while (pending.length > 0) {
      const [part = '', ...rest] = pending;
      pending = rest;
      if (part === '..') {
        this.#up();
        continue;
      }
      const isLast = rest.length === 0;
      let stats = statAt(this.#top, part);
      if (!stats && make) {
        make(this.#top, part);
        stats = statAt(this.#top, part);
      }
      if (!stats) {
        if (isLast || lenient) return this.#place([part, ...rest].join('/'), undefined);
        throw missing(path);
      }
      if (stats.isSymbolicLink()) {
        if (isLast && !followsLast) return this.#place(part, stats);
        links += 1;
        if (links > maxLinks) throw invalidArgument(`too many levels of symbolic links: ${path}`);
        const target = readlinkSync(at(this.#top, part));
        if (target.startsWith('/')) while (this.#open.length > 1) this.#up();
        pending = [...partsOf(target), ...rest];
      } else if (stats.isDirectory()) {
        this.#open.push({ fd: openFolder(this.#top, part), name: part });
      } else if (isLast) {
        return this.#place(part, stats);
      } else {
        throw missing(path);
      }
    }
    return this.#place('.', statAt(this.#top, '.'));
  }

  close(): void {
    while (this.#open.length > 1) this.#up();
  }

  get #top(): number {
    return this.#open.at(-1)?.fd as number; // never empty: the root stays
  }

  #up(): void {
    if (this.#open.length > 1) closeSync(this.#open.pop()?.fd as number); // length checked
  }

  #place(name: string, stats: BigIntStats | undefined): Place {
    const path = [...this.#open.map((one) => one.name), ...(name === '.' ? [] : [name])].join('/');
    return { dir: this.#top, name, path: path || '/', stats, [Symbol.dispose]: () => this.close() };
  }
}

function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}

function missing(path: string): PouchError {
  return new PouchError('notFound', `${path}: no such file or directory`);
}
