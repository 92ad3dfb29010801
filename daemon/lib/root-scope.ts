import { lstat, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { invalidArgument } from '../errors/error.ts';

const maxLinks = 255;

/**
 * The host path of `path` inside `root` with every symbolic link resolved as if `root` were `/`, so that neither `..` nor a link leads out. What does not exist is joined as it
 * is. Safe as long as nobody changes the tree meanwhile: a running container's root is entered through its own mount namespace instead.
 */
export async function resolveInRoot(root: string, path: string): Promise<string> {
  const pending = path.split('/').reverse();
  let inside: string[] = [];
  for (let links = 0; pending.length > 0; ) {
    const part = pending.pop()!;
    if (part === '' || part === '.') continue;
    if (part === '..') {
      inside = inside.slice(0, -1);
      continue;
    }
    const here = join(root, ...inside, part);
    const found = await lstat(here).catch(() => undefined);
    if (!found?.isSymbolicLink()) {
      inside.push(part);
      continue;
    }
    if (++links > maxLinks) throw invalidArgument(`too many levels of symbolic links: ${path}`);
    const target = await readlink(here);
    if (target.startsWith('/')) inside = [];
    pending.push(...target.split('/').reverse());
  }
  return join(root, ...inside);
}
