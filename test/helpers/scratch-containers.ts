import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { poll } from '../../daemon/lib/deadline.ts';
import { startDaemon, type TestDaemon } from './daemon.ts';
import { busyboxArchive } from './image.ts';

/** A daemon with the busybox image, and shortcuts to make containers in it without the CLI. */
export interface ScratchContainers extends AsyncDisposable {
  readonly daemon: TestDaemon;
  /** Creates a container; returns its id. Network none unless said. */
  create(config: Record<string, unknown>, name?: string): Promise<string>;
  /** Creates and starts one. */
  run(config: Record<string, unknown>, name?: string): Promise<string>;
  /** Creates an exec; returns its id. */
  exec(container: string, config: Record<string, unknown>): Promise<string>;
  /** Runs a command in a container, waits for its end; output as sent, framed. */
  sh(container: string, command: string): Promise<number>;
  /** One API call that must answer 2xx. */
  ok<T = unknown>(method: string, path: string, body?: unknown): Promise<T>;
  /** Waits until a container has ended; its exit code. */
  wait(container: string): Promise<number>;
}

/** Starts the daemon and loads the image. */
export async function scratchContainers(): Promise<ScratchContainers> {
  const daemon = await startDaemon();
  const archive = join(daemon.dir, 'busybox.tar');
  await busyboxArchive(archive);
  const ok = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const answer = await daemon.call(method, path, { body });
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    return (answer.text && answer.headers['content-type'] === 'application/json' ? JSON.parse(answer.text) : undefined) as T;
  };
  const loaded = await daemon.call('POST', '/images/load', {
    body: await readFile(archive),
    headers: { 'Content-Type': 'application/x-tar' },
  });
  if (loaded.status !== 200) throw new Error(`load: ${loaded.text}`);
  const create = async (config: Record<string, unknown>, name = ''): Promise<string> => {
    const { HostConfig, ...rest } = config;
    const body = { Image: 'busybox', HostConfig: { NetworkMode: 'none', ...(HostConfig as object | undefined) }, ...rest };
    return (await ok<{ Id: string }>('POST', `/containers/create?name=${name}`, body)).Id;
  };
  const exec = async (container: string, config: Record<string, unknown>): Promise<string> =>
    (await ok<{ Id: string }>('POST', `/containers/${container}/exec`, config)).Id;
  return {
    daemon,
    ok,
    create,
    exec,
    async run(config, name) {
      const id = await create(config, name);
      await ok('POST', `/containers/${id}/start`);
      return id;
    },
    async sh(container, command) {
      const id = await exec(container, { Cmd: ['sh', '-c', command] });
      await ok('POST', `/exec/${id}/start`, { Detach: true });
      const ended = await poll(
        'exec ends',
        async () => {
          const state = await ok<{ Running: boolean; ExitCode: number | null }>('GET', `/exec/${id}/json`);
          return state.Running || state.ExitCode === null ? undefined : state;
        },
        { timeoutMs: 20_000 },
      );
      return ended.ExitCode ?? -1;
    },
    wait: async (container) => (await ok<{ StatusCode: number }>('POST', `/containers/${container}/wait`)).StatusCode,
    [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose](),
  };
}
