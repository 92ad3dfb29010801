import { basename } from 'node:path/posix';
import { notFound } from '../errors/error.ts';
import { formatNano } from '../lib/time.ts';
import { findPlace, type Place } from './archive-place.ts';

/** What the header X-Docker-Container-Path-Stat carries, as base64 JSON. */
export interface PathStat {
  name: string;
  size: number;
  /** Go's os.FileMode: the type in the high bits. */
  mode: number;
  mtime: string;
  linkTarget: string;
}

/** A path of a container, absolute, `.` and `..` taken out, a trailing slash or `/.` kept: Docker gives them meaning. */
export function absolutePath(path: string): string {
  const clean = `/${path}`.split('/').reduce<string[]>((parts, part) => {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
    return parts;
  }, []);
  const plain = `/${clean.join('/')}`;
  if (/(^|\/)\.$/.test(path)) return plain === '/' ? '/.' : `${plain}/.`;
  return path.endsWith('/') && plain !== '/' ? `${plain}/` : plain;
}

/** Docker's answer for a path that is not there. */
export function fileNotFound(path: string, ref: string) {
  return notFound(`Could not find the file ${path} in container ${ref}`);
}

/** Tells about a place that exists. `absolute` as `absolutePath` gives it. */
export function pathStat(root: number, place: Place, absolute: string): PathStat {
  const { stats } = place;
  const isLink = stats?.isSymbolicLink() === true;
  return {
    name: baseName(absolute),
    size: Number(stats?.size ?? 0),
    mode: goMode(Number(stats?.mode ?? 0)),
    mtime: formatNano(stats?.mtimeNs ?? 0n).replace(/\.?0+Z$/, 'Z'),
    linkTarget: isLink ? linkTarget(root, absolute) : '',
  };
}

/** The last part of a path as Go's filepath.Base tells it. */
export function baseName(absolute: string): string {
  if (absolute.endsWith('/.')) return '.';
  return basename(absolute) || '/';
}

function linkTarget(root: number, absolute: string): string {
  try {
    using target = findPlace(root, absolute, { follow: true, lenient: true });
    return target.path;
  } catch {
    return absolute; // a loop
  }
}

/** A Map, because biome's --write turns octal keys of an object into wrong numbers. */
const typeBits = new Map<number, number>([
  [0o040000, 2 ** 31],
  [0o120000, 2 ** 27],
  [0o060000, 2 ** 26],
  [0o020000, 2 ** 26 + 2 ** 21],
  [0o010000, 2 ** 25],
  [0o140000, 2 ** 24],
]);

/** A Unix mode as Go's os.FileMode. Exported for tests. */
export function goMode(mode: number): number {
  const special = (mode & 0o4000 ? 2 ** 23 : 0) + (mode & 0o2000 ? 2 ** 22 : 0) + (mode & 0o1000 ? 2 ** 20 : 0);
  return (mode & 0o777) + special + (typeBits.get(mode & 0o170000) ?? 0);
}
