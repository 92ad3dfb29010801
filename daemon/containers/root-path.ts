import { lstat, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { invalidArgument } from '../errors/error.ts';

const maxLinks = 255;

/**
 * The host path of `path` inside `root`, with every symbolic link resolved as if `root` were `/`: neither `..` nor a link leads out of it. What does not
 * exist is joined as it is. Safe as long as nobody changes the tree meanwhile: a running container's root is entered through its own mount namespace instead.
 */
export async function joinInRoot(root: string, path: string): Promise<string> {
  let pending = path.split('/').filter(Boolean);
  let at: string[] = [];
  let links = 0;
  while (pending.length > 0) {
    const [part = '', ...rest] = pending;
    pending = rest;
    if (part === '.') continue;
    if (part === '..') {
      at = at.slice(0, -1);
      continue;
    }
    const here = join(root, ...at, part);
    const found = await lstat(here).catch(() => undefined);
    if (!found?.isSymbolicLink()) {
      at = [...at, part];
      continue;
    }
    links += 1;
    if (links > maxLinks) throw invalidArgument(`too many levels of symbolic links: ${path}`);
    const target = await readlink(here);
    if (target.startsWith('/')) at = [];
    pending = [...target.split('/').filter(Boolean), ...pending];
  }
  return join(root, ...at);
}
