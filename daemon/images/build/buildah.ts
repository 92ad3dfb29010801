/*
 * buildah as a process: its storage is a folder of ours, it never talks to a registry (base images are handed in), and RUN steps are isolated by chroot, so that
 * it needs no service and no runtime of its own. What a build leaves behind (working containers, mounts) is cleared when no build runs any more.
 */
import { spawn } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { notImplemented, PouchError } from '../../errors/error.ts';
import { descendantsOf } from '../../lib/descendants.ts';
import type { Logger } from '../../lib/log.ts';
import { unmountBelow } from '../../lib/mount.ts';
import { run } from '../../lib/process.ts';

/** Where buildah keeps its things. */
export interface BuildahOptions {
  readonly dir: string;
  readonly log: Logger;
}

/** How a build runs. */
export interface BuildOptions {
  readonly onOutput: (text: string) => void;
  /** RUN steps see no network at all. */
  readonly withoutNetwork: boolean;
  readonly signal?: AbortSignal;
}

const program = 'buildah';
const killAfterMs = 5000;

/** See above. */
export class Buildah {
  readonly #dir: string;
  readonly #log: Logger;
  #isPrepared = false;
  #active = 0;
  #hasLeftovers = false;
  #driver = 'overlay';

  constructor(options: BuildahOptions) {
    this.#dir = options.dir;
    this.#log = options.log;
  }

  #globalArgs(): string[] {
    const at = (name: string) => join(this.#dir, name);
    const overlay = this.#driver === 'overlay' ? ['--storage-opt', 'overlay.skip_mount_home=true'] : [];
    return [
      '--root',
      at('storage'),
      '--runroot',
      at('run'),
      '--storage-driver',
      this.#driver,
      ...overlay,
      '--registries-conf',
      at('registries.conf'),
    ];
  }

  get policyArgs(): string[] {
    return ['--signature-policy', join(this.#dir, 'policy.json')];
  }

  #environment(): NodeJS.ProcessEnv {
    const { PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' } = process.env;
    return {
      PATH,
      HOME: this.#dir,
      TMPDIR: join(this.#dir, 'tmp'),
      BUILDAH_ISOLATION: 'chroot',
      XDG_RUNTIME_DIR: join(this.#dir, 'run'),
    };
  }

  /** Folders and settings; what a crash left is unmounted first. Throws notImplemented, saying what to install, when there is no buildah. */
  async prepare(): Promise<void> {
    if (this.#isPrepared) return;
    await run(program, ['--version']).catch((error: unknown) => {
      throw notImplemented(
        'building images needs buildah, which is not installed: install the package buildah (Debian: apt-get install buildah)',
        error,
      );
    });
    await unmountBelow(this.#dir);
    await rm(join(this.#dir, 'tmp'), { recursive: true, force: true });
    for (const name of ['', 'storage', 'run', 'tmp']) await mkdir(join(this.#dir, name), { recursive: true, mode: 0o700 });
    await writeFile(join(this.#dir, 'policy.json'), '{"default":[{"type":"insecureAcceptAnything"}]}');
    await writeFile(join(this.#dir, 'registries.conf'), 'unqualified-search-registries = ["docker.io"]\n');
    const probe = await run(program, [...this.#globalArgs(), 'images', '-q'], { env: this.#environment(), allowFailure: true });
    if (probe.exitCode !== 0) this.#driver = 'vfs'; // overlay over this file system is not possible
    this.#isPrepared = true;
    this.#hasLeftovers = true;
    await this.#clear();
  }

  /** Runs one buildah command to its end. */
  async command(args: readonly string[], signal?: AbortSignal): Promise<string> {
    return (await run(program, [...this.#globalArgs(), ...args], { env: this.#environment(), signal, maxBytes: 1 << 22 })).stdout;
  }

  /** Runs a build, handing its output on as it comes; resolves with exit code and the end of stderr. */
  async build(
    args: readonly string[],
    { onOutput, withoutNetwork, signal }: BuildOptions,
  ): Promise<{ exitCode: number; stderr: string }> {
    this.#active++;
    let isClean = false;
    try {
      // chroot isolation knows only the network that buildah is in.
      const outer = withoutNetwork ? ['unshare', '--net'] : [];
      const result = await runStreaming([...outer, program, ...this.#globalArgs(), 'build', ...args], {
        env: this.#environment(),
        onOutput,
        signal,
      });
      isClean = result.exitCode === 0;
      return result;
    } finally {
      this.#active--;
      if (!isClean) this.#hasLeftovers = true;
      await this.#clear();
    }
  }

  /** Working containers of failed and interrupted builds, once nobody builds. */
  async #clear(): Promise<void> {
    if (this.#active > 0 || !this.#hasLeftovers) return;
    this.#hasLeftovers = false;
    try {
      await this.command(['rm', '--all']);
      await unmountBelow(this.#dir);
    } catch (error) {
      this.#log.warn('leftovers of a build could not be removed', { error });
    }
  }

  /** Removes all cached images and layers; returns their ids. Refused while a build runs. */
  async prune(): Promise<string[]> {
    if (this.#active > 0) throw new PouchError('conflict', 'a build is running: its cache cannot be removed now');
    const ids = (await this.command(['images', '--all', '--quiet', '--no-trunc'])).split('\n').filter(Boolean);
    if (ids.length > 0) await this.command(['rmi', '--all', '--force']);
    return [...new Set(ids)];
  }
}

interface StreamingOptions {
  env: NodeJS.ProcessEnv;
  onOutput: (text: string) => void;
  signal?: AbortSignal;
}

function runStreaming(
  args: readonly string[],
  { env, onOutput, signal }: StreamingOptions,
): Promise<{ exitCode: number; stderr: string }> {
  signal?.throwIfAborted();
  // Whatever ends the daemon ends the build: nobody could take its result.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const { promise, resolve, reject } = Promise.withResolvers<{ exitCode: number; stderr: string }>();
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', onOutput);
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-64 * 1024);
    // What buildah says of itself is told by the caller; the rest is the output of a RUN.
    const shown = text.split(/(?<=\n)/).filter((line) => !/^(Error: |subprocess exited|time=|error building)/.test(line));
    if (shown.length > 0) onOutput(shown.join(''));
  });
  let killer: NodeJS.Timeout | undefined;
  // RUN steps are in sessions of their own. They go first: buildah then sees a failed step and clears up by itself.
  const stop = () => {
    killer = setTimeout(() => signalAll(child.pid, 'SIGKILL'), killAfterMs);
    signalAll(child.pid, 'SIGTERM');
  };
  signal?.addEventListener('abort', stop, { once: true });
  child.once('error', reject);
  child.once('close', (code) => {
    clearTimeout(killer);
    signal?.removeEventListener('abort', stop);
    if (signal?.aborted) reject(signal.reason);
    else resolve({ exitCode: code ?? 137, stderr });
  });
  return promise;
}

function signalAll(pid: number | undefined, name: 'SIGTERM' | 'SIGKILL'): void {
  if (pid === undefined) return;
  const send = (one: number, signal: NodeJS.Signals) => {
    try {
      process.kill(one, signal);
    } catch {
      // it is gone already
    }
  };
  void descendantsOf(pid).then((below) => {
    for (const one of below.reverse()) send(one, 'SIGKILL');
    send(pid, name);
  });
}
