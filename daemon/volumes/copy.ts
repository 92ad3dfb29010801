import { readdir } from 'node:fs/promises';
import { run } from '../lib/process.ts';

/** Fills an empty folder from another: content with modes, owners, times, links and extended attributes, and the folder's own mode and owner too. True when it copied. */
export async function fillEmpty(source: string, target: string): Promise<boolean> {
  if ((await readdir(target)).length > 0) return false;
  await run('cp', ['-a', '--reflink=auto', '--', `${source}/.`, `${target}/`]);
  return true;
}

/** Sums file sizes by starting point, each inode once; folders themselves count nothing, as in Docker. */
const sumScript = `xargs -0 -r sh -c 'exec find "$@" -not -type d -printf "%D:%i\\t%H\\t%s\\n"' find |
  awk -F'\\t' '!seen[$1, $2]++ { sum[$2] += $3 } END { for (path in sum) printf "%.0f\\t%s\\n", sum[path], path }'`;

/** Bytes of the files below each folder, in one go; a folder that cannot be read counts 0. */
export async function diskUsage(paths: readonly string[]): Promise<Map<string, number>> {
  const sizes = new Map<string, number>(paths.map((path) => [path, 0]));
  if (paths.length === 0) return sizes;
  const { stdout } = await run('sh', ['-c', sumScript], { input: paths.join('\0'), allowFailure: true, maxBytes: 8 << 20 });
  for (const line of stdout.split('\n')) {
    const at = line.indexOf('\t');
    if (at > 0) sizes.set(line.slice(at + 1), Number(line.slice(0, at)));
  }
  return sizes;
}
