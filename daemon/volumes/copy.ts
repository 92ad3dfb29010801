import { readdir } from 'node:fs/promises';
import { run } from '../lib/process.ts';

/** Fills an empty folder from another: content with modes, owners, times, links and extended attributes, and the folder's own mode and owner too. True when it copied. */
export async function fillEmpty(source: string, target: string): Promise<boolean> {
  if ((await readdir(target)).length > 0) return false;
  await run('cp', ['-a', '--reflink=auto', '--', `${source}/.`, `${target}/`]);
  return true;
}

/** Bytes used below each folder, in one process; a folder that cannot be read counts 0. */
export async function diskUsage(paths: readonly string[]): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  if (paths.length === 0) return sizes;
  const { stdout } = await run('du', ['-s', '-B1', '--files0-from=-'], {
    input: paths.join('\0'),
    allowFailure: true,
    maxBytes: 8 << 20,
  });
  for (const line of stdout.split('\n')) {
    const at = line.indexOf('\t');
    if (at > 0) sizes.set(line.slice(at + 1), Number(line.slice(0, at)));
  }
  return sizes;
}
