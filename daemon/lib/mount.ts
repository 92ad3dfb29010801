import { readFile } from 'node:fs/promises';
import { run } from './process.ts';

/** One mount as containerd describes it. */
export interface MountSpec {
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

const pageBytes = 4096;

/** Mounts one after the other at `target`, as containerd would; needs root. When one fails, those before it are undone. */
export async function mountAll(mounts: readonly MountSpec[], target: string): Promise<void> {
  let done = 0;
  try {
    for (const mount of mounts) {
      await mountOne(mount, target);
      done++;
    }
  } catch (error) {
    for (; done > 0; done--) await unmount(target);
    throw error;
  }
}

async function mountOne({ type, source, options }: MountSpec, target: string): Promise<void> {
  if (type === 'bind') return void (await run('mount', ['--make-private', '-o', options.join(','), source, target]));
  const { dir, short } = options.join(',').length > pageBytes / 2 ? shorten(options) : { dir: undefined, short: options };
  await run('mount', ['--make-private', '-t', type, '-o', short.join(','), source || type, target], { cwd: dir });
}

/** The kernel takes one page of options: many lower folders are written relative to their common one, which becomes the working directory. */
function shorten(options: readonly string[]): { dir: string | undefined; short: string[] } {
  const lower =
    options
      .find((option) => option.startsWith('lowerdir='))
      ?.slice('lowerdir='.length)
      .split(':') ?? [];
  const first = lower[0] ?? '';
  let prefix = first.slice(0, first.lastIndexOf('/') + 1);
  while (prefix !== '' && !lower.every((dir) => dir.startsWith(prefix)))
    prefix = prefix.slice(0, prefix.lastIndexOf('/', prefix.length - 2) + 1);
  if (prefix.length < 2) return { dir: undefined, short: [...options] };
  const relative = `lowerdir=${lower.map((dir) => dir.slice(prefix.length)).join(':')}`;
  return { dir: prefix, short: options.map((option) => (option.startsWith('lowerdir=') ? relative : option)) };
}

/** Unmounts what is mounted at `target`, lazily where it is busy. Not an error when nothing is. */
export async function unmount(target: string): Promise<void> {
  const plain = await run('umount', [target], { allowFailure: true });
  if (plain.exitCode === 0 || /not mounted|no mount point|not found|No such file/i.test(plain.stderr)) return;
  await run('umount', ['-l', target]);
}

/** Unmounts everything below a folder, the innermost first: what a process that was killed has left. */
export async function unmountBelow(dir: string): Promise<void> {
  const mounts = await readFile('/proc/self/mounts', 'utf8');
  const targets = mounts.split('\n').map((line) => line.split(' ')[1] ?? '');
  for (const target of targets.reverse()) if (target.startsWith(`${dir}/`)) await unmount(target);
}
