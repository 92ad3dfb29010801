/*
 * What an end-to-end test stands on: `const e = await engine(import.meta.filename)` puts the file into namespaces of its own, starts the built executable there (alone in an empty folder, with
 * NODE_OPTIONS that Node would refuse) with a busybox image loaded, and gives the Docker CLI, a shell and expect against it. `await e.run(test)` ends the file: it runs the tests and disposes of everything.
 */
import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Test } from 'uvu';
import { poll } from '../../daemon/lib/deadline.ts';
import { startDaemon, type TestDaemon } from './daemon.ts';
import { busyboxArchive } from './image.ts';
import { inOwnNamespaces } from './namespaces.ts';

const tree = path.resolve(import.meta.dirname, '../..');

/** What a program left behind. */
export interface Outcome {
  stdout: string;
  stderr: string;
  code: number;
}

/** How an engine is started. */
export interface EngineOptions {
  /** The executable; default POUCHD_BIN, else build/dist/pouchd. */
  bin?: string;
  args?: string[];
  config?: Record<string, unknown>;
  env?: Record<string, string>;
}

/** Starts the engine; see the head of this file. */
export async function engine(file: string, options: EngineOptions = {}): Promise<Engine> {
  inOwnNamespaces(file);
  const alone = mkdtempSync(path.join(tmpdir(), 'pouchd-alone-'));
  process.once('exit', () => rmSync(alone, { recursive: true, force: true }));
  const bin = path.join(alone, 'pouchd');
  copyFileSync(options.bin ?? process.env['POUCHD_BIN'] ?? path.join(tree, 'build/dist/pouchd'), bin);
  const daemon = await startDaemon({ ...options, env: { NODE_OPTIONS: '--no-such-option', ...options.env }, bin, netns: false });
  const started = new Engine(daemon);
  try {
    const archive = path.join(started.scratch, 'busybox.tar');
    await busyboxArchive(archive, { name: started.image });
    await started.ok('load', '-q', '-i', archive);
    return started;
  } catch (error) {
    await daemon[Symbol.asyncDispose]();
    throw error;
  }
}

/** One running engine and the clients against it. */
export class Engine {
  readonly daemon: TestDaemon;
  /** The loaded image: busybox with sh, httpd, wget, stty and the user nobody. */
  readonly image = 'busybox:latest';
  /** A folder for the test's own files; `$W` in `sh`. */
  readonly scratch: string;
  readonly socket: string;
  readonly root: string;
  readonly #env: Record<string, string | undefined>;

  constructor(daemon: TestDaemon) {
    this.daemon = daemon;
    this.socket = daemon.socket;
    this.root = daemon.root;
    this.scratch = path.join(daemon.dir, 'scratch');
    mkdirSync(this.scratch);
    const config = path.join(daemon.dir, 'docker');
    this.#env = {
      ...process.env,
      DOCKER_HOST: daemon.host,
      DOCKER_CONFIG: config,
      DOCKER_CLI_HINTS: 'false',
      W: this.scratch,
      COLUMNS: '200',
    };
  }

  /** The Docker CLI; never throws for an exit code. */
  docker(...args: string[]): Promise<Outcome> {
    return this.#spawn('docker', args);
  }

  /** The Docker CLI that must succeed; gives its stdout. */
  async ok(...args: string[]): Promise<string> {
    const result = await this.docker(...args);
    if (result.code !== 0) throw new Error(`docker ${args.join(' ')}: exit ${result.code}\n${result.stderr}${result.stdout}`);
    return result.stdout;
  }

  /** `docker inspect -f`, trimmed. */
  async format(ref: string, template: string, kind?: string): Promise<string> {
    return (await this.ok(...(kind ? [kind] : []), 'inspect', '-f', template, ref)).trim();
  }

  /** A bash script with pipefail, DOCKER_HOST and $W set. With `ok` an exit code is an error. */
  async sh(script: string, options: { ok?: boolean } = {}): Promise<Outcome> {
    const result = await this.#spawn('bash', ['-o', 'pipefail', '-c', script]);
    if (options.ok && result.code !== 0) throw new Error(`${script}: exit ${result.code}\n${result.stderr}${result.stdout}`);
    return result;
  }

  /** An expect script; every `expect` waits at most 30 s. */
  expect(script: string): Promise<Outcome> {
    return this.#spawn('expect', ['-c', `set timeout 30\n${script}`]);
  }

  /** One call of the HTTP API. */
  async api(method: string, target: string, options: { body?: string; headers?: Record<string, string> } = {}) {
    const answer = await this.daemon.call(method, target, options);
    return { status: answer.status, headers: answer.headers, body: answer.text };
  }

  /** Waits until `check` is true; for what happens soon, not for a length of time. */
  async until(what: string, check: () => Promise<boolean> | boolean): Promise<void> {
    await poll(what, check, { timeoutMs: 40_000, intervalMs: 50 });
  }

  /** Ends the daemon by the signal and starts it again on the same folders. */
  async restart(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (signal === 'SIGTERM') await this.daemon.stop();
    else await this.daemon.kill();
    await this.daemon.start();
  }

  /** The pid of the containerd that the daemon runs; 0 while there is none. */
  containerdPid(): number {
    return this.#processes().find((one) => /(^|\/)containerd$/.test(one.command[0] ?? ''))?.pid ?? 0;
  }

  /** The shims that run: container id and pid. */
  shims(): { id: string; pid: number }[] {
    return this.#processes()
      .filter((one) => (one.command[0] ?? '').includes('containerd-shim'))
      .map((one) => ({ id: one.command[one.command.indexOf('-id') + 1] ?? '', pid: one.pid }));
  }

  /** Runs the suite, then `cleanup`, then ends the engine. The last line of a test file. */
  run(test: Test, cleanup?: () => Promise<void>): void {
    test.after(async () => {
      await cleanup?.();
      await this.daemon[Symbol.asyncDispose]();
    });
    test.run();
  }

  #processes(): { pid: number; command: string[] }[] {
    return readdirSync('/proc').flatMap((name) => {
      if (!/^\d+$/.test(name)) return [];
      try {
        return [{ pid: Number(name), command: readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0') }];
      } catch {
        return []; // it has ended meanwhile
      }
    });
  }

  #spawn(command: string, args: string[]): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      const child = spawn(command, args, { env: this.#env, stdio: ['ignore', 'pipe', 'pipe'] });
      const said = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
      child.stdout.on('data', (chunk: Buffer) => said.stdout.push(chunk));
      child.stderr.on('data', (chunk: Buffer) => said.stderr.push(chunk));
      const timer = setTimeout(() => child.kill('SIGKILL'), 90_000);
      child.on('error', reject);
      child.on('close', (code) => {
        clearTimeout(timer);
        resolve({
          stdout: Buffer.concat(said.stdout).toString(),
          stderr: Buffer.concat(said.stderr).toString(),
          code: code ?? -1,
        });
      });
    });
  }
}
