import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** What a scratch daemon is started with. */
export interface ScratchOptions {
  /** The executable that `make` built, with the plugin in it or loaded by `plugins`. */
  readonly executable: string;
  /** Plugin files made by `hack/module --build-shared`, for `--plugin`. */
  readonly plugins?: readonly string[];
  /** The daemon's configuration file, as an object. */
  readonly config?: Record<string, unknown>;
  /** More arguments. */
  readonly args?: readonly string[];
  /** How long it may take until it answers; 30 s. */
  readonly startTimeoutMs?: number;
}

/** An answer of the API. */
export interface ScratchAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
  /** The body as JSON. */
  json<T>(): T;
}

/** A pouchd of its own: own folders, own socket, own containerd. */
export interface ScratchDaemon extends AsyncDisposable {
  readonly socket: string;
  /** `DOCKER_HOST` for clients. */
  readonly host: string;
  readonly pid: number;
  /** What it logged so far. */
  log(): string;
  request(method: string, path: string, body?: unknown): Promise<ScratchAnswer>;
  /** Removes its containers, stops it and removes its folders. */
  stop(): Promise<void>;
}

/** Starts a real pouchd in folders of its own and waits until it answers; for tests that need real containers. Needs root. Rejects with the daemon's log when it does not come up. */
export async function scratchDaemon(options: ScratchOptions): Promise<ScratchDaemon> {
  const dir = await mkdtemp(join(tmpdir(), 'pouchd-scratch-'));
  const socket = join(dir, 'pouchd.sock');
  const file = join(dir, 'config.json');
  await writeFile(file, JSON.stringify(options.config ?? {}));
  const own = ['--config', file, '-H', `unix://${socket}`, '--root', join(dir, 'root'), '--state', join(dir, 'state')];
  const plugins = (options.plugins ?? []).map((one) => `--plugin=${one}`);
  const child = spawn(options.executable, [...own, ...plugins, ...(options.args ?? [])], { stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
  }
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopped ??= removeContainers(socket)
      .then(() => end(child))
      .then(() => rm(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }));
    return stopped;
  };
  try {
    await once(child, 'spawn');
    await answering(child, socket, options.startTimeoutMs ?? 30_000);
  } catch (error) {
    await stop();
    throw new Error(`the scratch daemon did not start: ${(error as Error).message}\n${log}`, { cause: error });
  }
  return {
    socket,
    host: `unix://${socket}`,
    pid: child.pid!,
    log: () => log,
    request: (method, path, body) => ask(socket, { method, path, body }),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function answering(child: ChildProcess, socket: string, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`it ended with ${child.exitCode ?? child.signalCode}`);
    const answer = await ask(socket, { method: 'GET', path: '/_ping' }).catch(() => undefined);
    if (answer?.status === 200) return;
    if (performance.now() > deadline) throw new Error(`no answer within ${timeoutMs} ms`);
    await sleep(20);
  }
}

/** Containers outlive a daemon: those of a scratch one must not. One that is dead already has none that could be reached. */
async function removeContainers(socket: string): Promise<void> {
  const all = await ask(socket, { method: 'GET', path: '/containers/json?all=1' }).catch(() => undefined);
  if (all?.status !== 200) return;
  for (const { Id } of all.json<{ Id: string }[]>())
    await ask(socket, { method: 'DELETE', path: `/containers/${Id}?force=1&v=1` });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
  await gone;
  clearTimeout(timer);
}

async function ask(socketPath: string, call: { method: string; path: string; body?: unknown }): Promise<ScratchAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<ScratchAnswer>();
  const payload = call.body === undefined ? undefined : JSON.stringify(call.body);
  const headers =
    payload === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) };
  const request = httpRequest({ socketPath, method: call.method, path: call.path, headers, agent: false }, (response) => {
    let body = '';
    response.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    response.on('error', reject);
    response.on('end', () =>
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body, json: <T>() => JSON.parse(body) as T }),
    );
  });
  request.on('error', reject);
  request.end(payload);
  return promise;
}
