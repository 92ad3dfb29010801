import { spawn } from 'node:child_process';
import { pipeline } from 'node:stream/promises';
import { internal, messageOf, unavailable } from '../errors/error.ts';

/** Which files go into the archive and how. */
export interface TarOptions {
  /** Folder of the names; `/proc/self/fd/N` is the daemon's open folder N. */
  cwd: string;
  /** Names relative to `cwd`; folders with all below them. */
  names: readonly string[];
  /** sed expression over the names inside the archive. */
  transform?: string;
  exclude?: readonly string[];
  signal?: AbortSignal;
}

/** Where an archive goes: a stream of ours or a response. */
export type TarOutput = NodeJS.WritableStream & { destroy?(error?: Error): unknown };

/** GNU tar's code for files that changed or vanished while they were read: no failure of a living container. */
const changedMeanwhile = 1;

/**
 * Archives files with the host's tar: it keeps owners, modes, links, sparse files and capabilities, follows no link, and costs the event loop a pipe. `open` gives the place to write to and is called
 * once tar runs; it is ended at the end, or destroyed when tar fails, so that the client sees a cut.
 */
export async function writeTar(options: TarOptions, open: () => TarOutput): Promise<void> {
  const args = [
    '--create',
    '--file=-',
    '--format=posix',
    '--numeric-owner',
    '--absolute-names',
    '--xattrs',
    '--xattrs-include=security.capability',
    '--sort=name',
  ];
  args.push('--pax-option=delete=atime,delete=ctime');
  if (options.transform) args.push(`--transform=${options.transform}`);
  for (const pattern of options.exclude ?? []) args.push('--anchored', `--exclude=${pattern}`);
  args.push('--', ...options.names);
  const child = spawn('tar', options.names.length > 0 ? args : [...args.slice(0, -1), '--files-from=/dev/null'], {
    cwd: options.cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], LC_ALL: 'C' },
    signal: options.signal,
  });
  let words = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-4096);
  });
  const exit = new Promise<number>((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'ENOENT' ? unavailable('program not found: tar') : error),
    );
    child.once('close', (code) => resolve(code ?? 2));
  });
  exit.catch(() => undefined); // awaited below
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    exit.catch(reject);
  });
  const output = open();
  try {
    await pipeline(child.stdout, output, { end: false });
    const code = await exit;
    if (code > changedMeanwhile) throw internal(`tar failed (exit ${code}): ${words.trim()}`);
    output.end();
  } catch (error) {
    child.kill('SIGKILL');
    output.destroy?.(error instanceof Error ? error : new Error(messageOf(error)));
    throw error;
  }
}

/** Quotes a name for the right side of a `transform` whose delimiter is a comma. */
export function sedText(name: string): string {
  return name.replace(/[\\&,]/g, '\\$&').replaceAll('\n', '\\n');
}
