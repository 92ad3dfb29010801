/*
 * The `local` driver: a folder per volume, `<root>/volumes/NAME/_data`. With the options type, device and o something is mounted there while containers use it. A removed
 * volume is renamed first, so that a crash never leaves half of one under its name.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { internal, invalidArgument, messageOf } from '../errors/error.ts';
import { newId } from '../lib/id.ts';
import { unmount } from '../lib/mount.ts';
import { run } from '../lib/process.ts';

const known = ['type', 'device', 'o'];
const needs: Record<string, string[]> = { device: ['type'], type: ['device'], o: ['device', 'type'] };
const removing = '.removing-';

/** Volumes in folders of this host. */
export class LocalDriver {
  /** `<root>/volumes`. */
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  path(name: string): string {
    return join(this.#dir, name, '_data');
  }

  /** Throws invalidArgument with Docker's texts for a name or options that are not allowed. */
  validate(name: string, options: Readonly<Record<string, string>>): void {
    if (name.length < 2) throw invalidArgument('volume name is too short, names should be at least two alphanumeric characters');
    if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name)) {
      throw invalidArgument(
        `${JSON.stringify(name)} includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
      );
    }
    for (const option of Object.keys(options)) {
      if (!known.includes(option)) throw invalidArgument(`invalid option: ${JSON.stringify(option)}`);
      const missing = needs[option]?.find((other) => !(other in options));
      if (missing) throw invalidArgument(`missing required option: ${JSON.stringify(missing)}`);
    }
  }

  create(name: string): void {
    mkdirSync(join(this.#dir, name), { recursive: true, mode: 0o711 });
    mkdirSync(this.path(name), { recursive: true, mode: 0o755 });
  }

  /** Takes the volume out of sight at once; its content goes in the background of the returned promise. */
  async remove(name: string): Promise<void> {
    if (this.isMounted(name)) await unmount(this.path(name));
    const doomed = join(this.#dir, `${removing}${newId().slice(0, 12)}`);
    try {
      renameSync(join(this.#dir, name), doomed);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return; // fs errors carry a code
      throw error;
    }
    await rm(doomed, { recursive: true, force: true });
  }

  /** Mounts what the options say, unless that is done already. */
  async mount(name: string, options: Readonly<Record<string, string>>): Promise<void> {
    const { type, device, o = '' } = options;
    if (type === undefined || device === undefined || this.isMounted(name)) return;
    const path = this.path(name);
    const flags = o.split(',').filter((one) => one !== '');
    const args = [
      ...(['none', 'bind', ''].includes(type) ? [] : ['-t', type]),
      ...(flags.length > 0 ? ['-o', flags.join(',')] : []),
      '--',
      device,
      path,
    ];
    try {
      await run('mount', args, { timeoutMs: 60_000 });
    } catch (error) {
      const data = flags.length > 0 ? `, data: ${flags.join(',')}` : '';
      throw internal(
        `error while mounting volume '${path}': failed to mount local volume: mount ${device}:${path}${data}: ${mountReason(error)}`,
        error,
      );
    }
  }

  async unmount(name: string): Promise<void> {
    if (this.isMounted(name)) await unmount(this.path(name));
  }

  isMounted(name: string): boolean {
    const path = this.path(name).replaceAll('\\', '\\134').replaceAll(' ', '\\040');
    return readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .some((line) => line.split(' ', 5)[4] === path);
  }

  /** Names of the folders that are there; what a crash left half made or half removed goes. */
  restore(isKnown: (name: string) => boolean): string[] {
    mkdirSync(this.#dir, { recursive: true, mode: 0o701 });
    const found: string[] = [];
    for (const name of readdirSync(this.#dir)) {
      if (name.startsWith(removing)) rmSync(join(this.#dir, name), { recursive: true, force: true });
      else if (isKnown(name) || this.#holdsSomething(name)) found.push(name);
      else rmSync(join(this.#dir, name), { recursive: true, force: true });
    }
    return found;
  }

  #holdsSomething(name: string): boolean {
    try {
      return readdirSync(this.path(name)).length > 0;
    } catch {
      return false; // not even its folder was made
    }
  }
}

/** The last part of what `mount` wrote, as the kernel would say it. */
function mountReason(error: unknown): string {
  const text = messageOf(error).split('\n')[0] ?? '';
  return text
    .slice(text.lastIndexOf(': ') + 2)
    .replace(/\.$/, '')
    .replace(/^special device .* does not exist$/, 'no such file or directory');
}
