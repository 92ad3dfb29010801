// Our own containerd: started, watched, restarted with back-off, stopped with the daemon. It runs in a session of its own and writes to a log file, so neither
// Ctrl-C nor the daemon's death reaches it; a daemon that was killed leaves it behind, and the next one takes it over (same configuration) or stops it first.
// A child is watched by its exit, one taken over by a silent connection that closes when it dies. Nothing polls while all is well.
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { invalidArgument, messageOf, unavailable } from '../errors/error.ts';
import { writeFileAtomicSync } from '../lib/atomic-file.ts';
import type { Logger } from '../lib/log.ts';
import { type ContainerdConfig, checkProxyPlugins, lowestOomScore, renderContainerdConfig } from './containerd-config.ts';
import type { Supervisor } from './contract.ts';
import { logTail, openLogFile, rotateLogFile } from './log-file.ts';
import {
  findByConfig,
  identify,
  isAlive,
  type ProcessIdentity,
  readRecord,
  signalProcess,
  writeRecord,
} from './process-record.ts';
import { answers, waitForSocket, watchSocket } from './wait-socket.ts';

/** What a supervised containerd is started with; everything of it lies in `dir` folders of `root` and `state`. */
export interface SupervisorOptions extends Pick<ContainerdConfig, 'debug' | 'proxyPlugins' | 'streamProcessors'> {
  /** The daemon's root and state; containerd gets the folder `containerd` in each. */
  root: string;
  state: string;
  log: Logger;
  /** Default `containerd` from PATH. */
  binary?: string;
  /** How long a start may take (a large database after a crash); default 30 s. */
  startTimeoutMs?: number;
}

const unixPathLimit = 107;
const maxBackoffMs = 5000;
const stopTimeoutMs = 10_000;
const gateTimeoutMs = 15_000;
const rotateEveryMs = 10 * 60 * 1000;

/** A supervised containerd. `start` returns at once; `ready` tells when it answers. */
export class ContainerdSupervisor implements Supervisor {
  readonly socket: string;
  readonly #options: SupervisorOptions;
  readonly #paths: { config: string; record: string; log: string; root: string; state: string };
  readonly #listeners = new Set<() => void>();
  readonly #stopping = new AbortController();
  #process: ProcessIdentity | undefined;
  #watch: Socket | undefined;
  #up = Promise.withResolvers<void>();
  #isUp = false;
  #wasUp = false;
  #upSince = 0;
  #backoffMs = 0;
  #work: Promise<void> | undefined;
  #rotation: NodeJS.Timeout | undefined;

  constructor(options: SupervisorOptions) {
    checkProxyPlugins(options.proxyPlugins);
    this.#options = options;
    const dir = join(options.state, 'containerd');
    this.socket = join(dir, 'containerd.sock');
    const longest = `${this.socket}.ttrpc`;
    if (Buffer.byteLength(longest) > unixPathLimit) {
      throw invalidArgument(`the state directory is too long for a unix socket (${longest}): choose a shorter --state`);
    }
    this.#paths = {
      config: join(dir, 'containerd.toml'),
      record: join(dir, 'containerd.json'),
      log: join(dir, 'containerd.log'),
      root: join(options.root, 'containerd'),
      state: join(dir, 'state'),
    };
    this.#up.promise.catch(() => {}); // told to whoever waits in ready()
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Takes over or spawns containerd. Synchronous up to the spawn in the usual case, so that it boots while the daemon goes on. */
  start(): void {
    mkdirSync(join(this.#options.state, 'containerd'), { recursive: true, mode: 0o711 });
    mkdirSync(this.#paths.root, { recursive: true, mode: 0o711 });
    this.#rotation = setInterval(() => this.#rotate(), rotateEveryMs).unref();
    const record = readRecord(this.#paths.record);
    if (record.state === 'none') this.#run(() => this.#launch());
    else this.#run(() => this.#takeOver());
  }

  ready(): Promise<void> {
    return this.#up.promise;
  }

  /** For the client: a promise to await before a call while containerd is down, else undefined. */
  gate(): Promise<void> | undefined {
    if (this.#isUp) return undefined;
    if (this.#stopping.signal.aborted) return Promise.reject(unavailable('containerd has been stopped'));
    const timeout = delay(gateTimeoutMs, undefined, { ref: false }).then(() => {
      throw unavailable('containerd does not answer');
    });
    return Promise.race([this.#up.promise, timeout]);
  }

  onReconnect(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async stop(): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    this.#stopping.abort();
    clearInterval(this.#rotation);
    this.#watch?.destroy();
    this.#down();
    this.#up.reject(unavailable('containerd has been stopped'));
    await this.#work;
    const process = this.#process;
    if (process) await this.#end(process);
    this.#process = undefined;
    writeRecord(this.#paths.record, { state: 'none' });
  }

  /** One start at a time; its failure is logged and tried again, except the first one of the daemon's life, which `ready` tells. */
  #run(start: () => Promise<void>): void {
    const { log } = this.#options;
    this.#work = start().then(
      () => {
        if (this.#stopping.signal.aborted) return;
        this.#isUp = true;
        this.#upSince = performance.now();
        log.debug('containerd answers', { pid: this.pid });
        if (this.#wasUp) {
          log.info('containerd is back', { pid: this.pid });
          for (const listener of this.#listeners) listener();
        }
        this.#wasUp = true;
        this.#up.resolve();
      },
      (error: unknown) => {
        if (this.#stopping.signal.aborted) return;
        log.error('containerd did not start', { error: messageOf(error) });
        if (!this.#wasUp) {
          this.#up.reject(error);
          this.#renew();
        }
        this.#again();
      },
    );
  }

  async #takeOver(): Promise<void> {
    const config = this.#renderConfig();
    const record = readRecord(this.#paths.record);
    const left = record.state === 'started' && isAlive(record) ? record : findByConfig(this.#paths.config);
    if (left) {
      const isSame = record.state === 'started' && record.config === config;
      if (isSame && (await answers(this.socket)) && (await this.#watchStranger(left))) {
        this.#process = left;
        this.#options.log.info('took over the running containerd', { pid: left.pid });
        return;
      }
      this.#options.log.info('stopping a left-over containerd', { pid: left.pid });
      await this.#end(left);
    }
    await this.#launch();
  }

  /** Its ttrpc socket never times a silent connection out, unlike the grpc one. */
  async #watchStranger(process: ProcessIdentity): Promise<boolean> {
    this.#watch = await watchSocket(`${this.socket}.ttrpc`, () => this.#ended(process, 'it was not our child'));
    return this.#watch !== undefined;
  }

  async #launch(): Promise<void> {
    const { binary = 'containerd', startTimeoutMs = 30_000 } = this.#options;
    const config = this.#renderConfig();
    writeFileAtomicSync(this.#paths.config, config, { mode: 0o600 });
    writeRecord(this.#paths.record, { state: 'starting' });
    const output = openLogFile(this.#paths.log);
    const { NOTIFY_SOCKET: _, ...env } = process.env; // it is the daemon that reports to systemd
    const child = spawn(binary, ['--config', this.#paths.config], {
      detached: true,
      stdio: ['ignore', output, output],
      env,
      cwd: '/',
    });
    closeSync(output);
    const failed = new AbortController();
    child.once('error', (error) => failed.abort(unavailable(`cannot start containerd (${binary}): ${error.message}`, error)));
    if (child.pid === undefined) {
      await new Promise((resolve) => child.once('error', resolve));
      throw failed.signal.reason;
    }
    const identity = identify(child.pid) ?? { pid: child.pid, startTicks: '' };
    this.#process = identity;
    writeRecord(this.#paths.record, { state: 'started', config, ...identity });
    child.once('exit', (code, signal) => {
      failed.abort(unavailable(`containerd ended while starting (${signal ?? code}): ${logTail(this.#paths.log)}`));
      this.#ended(identity, String(signal ?? code));
    });
    const signal = AbortSignal.any([failed.signal, this.#stopping.signal]);
    try {
      await waitForSocket(this.socket, { timeoutMs: startTimeoutMs, signal });
    } catch (error) {
      if (!failed.signal.aborted && !this.#stopping.signal.aborted) await this.#end(identity);
      throw failed.signal.aborted ? failed.signal.reason : error;
    }
    failed.signal.throwIfAborted();
  }

  #renderConfig(): string {
    const { debug, proxyPlugins, streamProcessors } = this.#options;
    const { root, state } = this.#paths;
    return renderContainerdConfig({
      root,
      state,
      socket: this.socket,
      oomScore: lowestOomScore(),
      debug,
      proxyPlugins,
      streamProcessors,
    });
  }

  /** The process ended: by itself, or because we stop. */
  #ended(process: ProcessIdentity, how: string): void {
    if (this.#stopping.signal.aborted || this.#process !== process) return;
    this.#process = undefined;
    if (!this.#isUp) return; // the start that is under way fails and tries again
    this.#options.log.warn('containerd ended', { pid: process.pid, how });
    if (performance.now() - this.#upSince > maxBackoffMs) this.#backoffMs = 0;
    this.#down();
    this.#again(process);
  }

  #down(): void {
    if (!this.#isUp) return;
    this.#isUp = false;
    this.#renew();
  }

  #renew(): void {
    this.#up = Promise.withResolvers();
    this.#up.promise.catch(() => {}); // told to whoever waits in ready()
  }

  /** At once after a good run, then with growing pauses. */
  #again(previous?: ProcessIdentity): void {
    const pauseMs = this.#backoffMs;
    this.#backoffMs = Math.min(pauseMs === 0 ? 100 : pauseMs * 2, maxBackoffMs);
    this.#run(async () => {
      if (previous) await this.#end(previous); // one that merely hung up must let go of its database
      if (pauseMs > 0) await delay(pauseMs, undefined, { signal: this.#stopping.signal });
      await this.#launch();
    });
  }

  async #end(process: ProcessIdentity): Promise<void> {
    signalProcess(process, 'SIGTERM');
    if (await gone(process, stopTimeoutMs)) return;
    this.#options.log.warn('containerd does not stop, killing it', { pid: process.pid });
    signalProcess(process, 'SIGKILL');
    await gone(process, stopTimeoutMs);
  }

  #rotate(): void {
    try {
      rotateLogFile(this.#paths.log);
    } catch (error) {
      this.#options.log.warn('cannot rotate the log of containerd', { path: this.#paths.log, error: messageOf(error) });
    }
  }
}

async function gone(process: ProcessIdentity, timeoutMs: number): Promise<boolean> {
  const limit = performance.now() + timeoutMs;
  while (isAlive(process)) {
    if (performance.now() > limit) return false;
    await delay(3);
  }
  return true;
}
