/*
 * Network namespaces as files: `unshare --net=FILE` mounts a new one on a file under the state directory, `nsenter --net=FILE` runs a script inside. Both are
 * called by the long-lived shells, so the daemon itself spawns nothing. Removal unmounts and deletes the file; the kernel then takes the interfaces with it.
 */
import { mkdirSync, readdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { internal } from '../errors/error.ts';
import type { Programs } from './programs.ts';

/** Makes, enters and removes the namespaces of this daemon. */
export class Namespaces {
  readonly directory: string;
  readonly #programs: Programs;
  readonly #made = new Set<string>();

  constructor(programs: Programs, directory: string) {
    this.#programs = programs;
    this.directory = directory;
  }

  pathOf(sandboxId: string): string {
    return join(this.directory, sandboxId.slice(0, 12));
  }

  /** Makes the namespace with its loopback up and IPv6 off (as Docker has it), then runs `script` in it. On failure nothing is left. */
  async make(sandboxId: string, script = ''): Promise<string> {
    const path = this.pathOf(sandboxId);
    mkdirSync(this.directory, { recursive: true, mode: 0o711 });
    const body = ipv6Setting(false) + (script === '' ? 'exec ip link set dev lo up\n' : `ip link set dev lo up\n${script}`);
    try {
      await this.#programs.sh(`: >${path} && unshare --net=${path} /bin/sh -e <<'POUCH_INSIDE'\n${body}\nPOUCH_INSIDE`);
    } catch (error) {
      await this.remove([path]).catch(() => undefined); // the first error is the one to tell
      throw error;
    }
    this.#made.add(path);
    return path;
  }

  /** True for a namespace that this process made and has not removed. */
  isMade(path: string): boolean {
    return this.#made.has(path);
  }

  /** Runs a script inside; it ends at the first command that fails. */
  async run(path: string, script: string): Promise<string> {
    return await this.#programs.sh(`nsenter --net=${path} /bin/sh -e <<'POUCH_INSIDE'\n${script}\nPOUCH_INSIDE`);
  }

  /** Unmounts and deletes; what is gone already is no error. */
  async remove(paths: readonly string[]): Promise<void> {
    if (paths.length === 0) return;
    for (const path of paths) this.#made.delete(path);
    for (let rest = paths, tries = 0; rest.length > 0; tries++) {
      await this.#programs.sh(`umount -l ${rest.join(' ')} 2>/dev/null || :`);
      rest = rest.filter((path) => !isDeleted(path)); // still mounted: an unshare that was under way has mounted it again
      if (tries === 2 && rest.length > 0) throw internal(`namespaces cannot be removed: ${rest.join(', ')}`);
    }
  }

  /** The files that are there now. */
  existing(): string[] {
    try {
      return readdirSync(this.directory).map((name) => join(this.directory, name));
    } catch {
      return []; // no directory: nothing was made yet
    }
  }
}

function isDeleted(path: string): boolean {
  try {
    unlinkSync(path);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ENOENT';
  }
}

/** Turns IPv6 on or off for all interfaces of a namespace, where the kernel has it. */
export function ipv6Setting(isOn: boolean): string {
  const value = isOn ? 0 : 1;
  const conf = '/proc/sys/net/ipv6/conf';
  return `[ ! -e ${conf} ] || { echo ${value} >${conf}/all/disable_ipv6; echo ${value} >${conf}/default/disable_ipv6; }\n`;
}

/** A script part that feeds lines to `ip -batch`, which stops at the first that fails. */
export function ipBatch(lines: readonly string[]): string {
  return lines.length === 0 ? '' : `ip -batch - <<'POUCH_IP'\n${lines.join('\n')}\nPOUCH_IP\n`;
}
