/*
 * A daemon of a test's own: `await using d = await startDaemon()`. It runs from source, or the built executable with `bin` or POUCHD_BIN, in folders of its own; on disposal it
 * is stopped and everything that it made on the host (shims, containerd, mounts, network namespaces, bridge) goes, whatever state a test left it in.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { poll } from '../../daemon/lib/deadline.ts';
import { run } from '../../daemon/lib/process.ts';
import { type Answer, type CallOptions, call } from './http.ts';

const tree = path.resolve(import.meta.dirname, '../..');

/** How a daemon is started. */
export interface DaemonOptions {
  /** More flags. */
  args?: string[];
  /** Its configuration file; without one it gets an empty one, so the machine's own is never read. */
  config?: Record<string, unknown>;
  env?: Record<string, string>;
  /** The executable; default POUCHD_BIN, else the source tree. */
  bin?: string;
  /** Give it a network namespace of its own (default), so that bridges and rules of tests never meet. */
  netns?: boolean;
  /** Reuse the folders of a daemon that is disposed of elsewhere. */
  dir?: string;
}

/** A running daemon. */
export interface TestDaemon extends AsyncDisposable {
  readonly dir: string;
  readonly socket: string;
  /** For DOCKER_HOST. */
  readonly host: string;
  readonly root: string;
  readonly state: string;
  /** Where the configuration file is; rewrite it and send SIGHUP to reload. */
  readonly configFile: string;
  /** Name of its network namespace, or ''. */
  readonly netns: string;
  readonly pid: number;
  /** Everything it has logged, over all its starts. */
  log(): string;
  /** One API call. */
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  /** The Docker CLI against it. */
  docker(
    args: string[],
    options?: { input?: string; allowFailure?: boolean; timeoutMs?: number },
  ): Promise<{ exitCode: number; stdout: string; stderr: string }>;
  /** A program in the daemon's network namespace. */
  exec(
    command: string,
    args: string[],
    options?: { allowFailure?: boolean; input?: string; timeoutMs?: number },
  ): Promise<{ exitCode: number; stdout: string; stderr: string }>;
  signal(name: NodeJS.Signals): void;
  /** SIGTERM, then waits for its end; gives the exit code. */
  stop(): Promise<number>;
  /** SIGKILL, then waits for its end. Its containerd and shims go on. */
  kill(): Promise<void>;
  /** Starts it again on the same folders and waits for its first ping. */
  start(): Promise<void>;
}

let counter = 0;

/** Starts a daemon and waits until it answers. Throws with its log when it does not. */
export async function startDaemon(options: DaemonOptions = {}): Promise<TestDaemon> {
  const dir = options.dir ?? mkdtempSync(path.join(tmpdir(), 'pouchd-'));
  counter += 1;
  const netns = options.netns === false ? '' : `pt${process.pid.toString(36)}${counter}`;
  const daemon = new Daemon(dir, netns, options);
  try {
    if (netns) {
      await run('ip', ['netns', 'add', netns]);
      await run('ip', ['-n', netns, 'link', 'set', 'lo', 'up']);
    }
    await daemon.start();
    return daemon;
  } catch (error) {
    await daemon[Symbol.asyncDispose]();
    throw error;
  }
}

class Daemon implements TestDaemon {
  readonly dir: string;
  readonly netns: string;
  readonly socket: string;
  readonly host: string;
  readonly root: string;
  readonly state: string;
  readonly configFile: string;
  readonly #options: DaemonOptions;
  #child: ChildProcess | undefined;
  #exited: Promise<unknown> = Promise.resolve();
  #log = '';

  constructor(dir: string, netns: string, options: DaemonOptions) {
    this.dir = dir;
    this.netns = netns;
    this.#options = options;
    this.socket = path.join(dir, 'pouchd.sock');
    this.host = `unix://${this.socket}`;
    this.root = path.join(dir, 'root');
    this.state = path.join(dir, 'state');
    this.configFile = path.join(dir, 'config.json');
    mkdirSync(path.join(dir, 'docker'), { recursive: true });
    if (!existsSync(this.configFile)) writeFileSync(this.configFile, JSON.stringify(options.config ?? {}));
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  log(): string {
    return this.#log;
  }

  call(method: string, target: string, options?: CallOptions): Promise<Answer> {
    return call(this.socket, method, target, options);
  }

  docker(args: string[], options: { input?: string; allowFailure?: boolean; timeoutMs?: number } = {}) {
    const env = {
      ...process.env,
      DOCKER_HOST: this.host,
      DOCKER_CONFIG: path.join(this.dir, 'docker'),
      DOCKER_CLI_HINTS: 'false',
    };
    return run('docker', args, { timeoutMs: 60_000, ...options, env });
  }

  exec(command: string, args: string[], options: { allowFailure?: boolean; input?: string; timeoutMs?: number } = {}) {
    const line = [...this.#inNetns(), command, ...args];
    return run(line[0] ?? '', line.slice(1), { timeoutMs: 60_000, ...options });
  }

  /** Not `ip netns exec`: that mounts another /sys, without the cgroups that runc looks for. */
  #inNetns(): string[] {
    return this.netns ? ['nsenter', `--net=/run/netns/${this.netns}`] : [];
  }

  async start(): Promise<void> {
    const bin = this.#options.bin ?? process.env['POUCHD_BIN'];
    const program = bin ? [path.resolve(bin)] : [process.execPath, path.join(tree, 'daemon/boot/main.ts')];
    const flags = [
      '--config',
      this.configFile,
      '--root',
      this.root,
      '--state',
      this.state,
      '-H',
      this.host,
      ...(this.#options.args ?? []),
    ];
    const line = [...this.#inNetns(), ...program, ...flags];
    const child = spawn(line[0] ?? '', line.slice(1), {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1', NODE_OPTIONS: '', ...this.#options.env },
    });
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (this.#log += chunk.toString()));
    this.#child = child;
    this.#exited = once(child, 'exit');
    await poll('first ping', () => this.#pings(child), { timeoutMs: 30_000 });
  }

  async #pings(child: ChildProcess): Promise<boolean> {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`daemon ended at its start (${child.exitCode ?? child.signalCode}):\n${this.#log}`);
    try {
      return (await call(this.socket, 'GET', '/_ping', { timeoutMs: 5000 })).text === 'OK';
    } catch {
      return false; // not yet
    }
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }

  async stop(): Promise<number> {
    this.signal('SIGTERM');
    await this.#exited;
    return this.#child?.exitCode ?? -1;
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.#exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child && this.#child.exitCode === null && this.#child.signalCode === null) await this.kill();
    await killEverythingOf(this.dir, this.netns);
    await unmountBelow(this.dir);
    if (this.netns) await run('ip', ['netns', 'del', this.netns], { allowFailure: true });
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

/** Kills what the daemon has started: processes that name its folder on their command line, their descendants, and whoever is left in its network namespace. */
async function killEverythingOf(dir: string, netns: string): Promise<void> {
  await poll(
    `processes of ${dir} end`,
    () => {
      const all = processes();
      const doomed = new Set(all.filter((one) => one.command.includes(dir)).map((one) => one.pid));
      if (netns) for (const pid of inNamespace(netns, all)) doomed.add(pid);
      for (let size = -1; size !== doomed.size; ) {
        size = doomed.size;
        for (const one of all) if (doomed.has(one.parent)) doomed.add(one.pid);
      }
      doomed.delete(process.pid);
      for (const pid of doomed) killOne(pid);
      return doomed.size === 0;
    },
    { timeoutMs: 20_000 },
  );
}

interface ProcessRow {
  pid: number;
  parent: number;
  command: string;
}

function processes(): ProcessRow[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (fields[0] === 'Z') return [];
      return [{ pid: Number(name), parent: Number(fields[1]), command: readFileSync(`/proc/${name}/cmdline`, 'utf8') }];
    } catch {
      return []; // it has ended meanwhile
    }
  });
}

function inNamespace(netns: string, all: readonly ProcessRow[]): number[] {
  let inode: number;
  try {
    inode = statSync(`/run/netns/${netns}`).ino;
  } catch {
    return []; // it was never made
  }
  return all.filter((one) => namespaceOf(one.pid) === `net:[${inode}]`).map((one) => one.pid);
}

function namespaceOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return ''; // it has ended meanwhile
  }
}

function killOne(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it has ended meanwhile
  }
}

/** Unmounts everything below a folder, deepest first. */
export async function unmountBelow(dir: string): Promise<void> {
  const points = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => (line.split(' ')[4] ?? '').replaceAll('\\040', ' '))
    .filter((point) => point.startsWith(`${dir}/`))
    .reverse();
  for (const point of points) await run('umount', ['-l', point], { allowFailure: true });
}
