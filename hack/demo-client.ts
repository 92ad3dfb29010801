import { readFileSync } from 'node:fs';
import { poll } from '../daemon/lib/deadline.ts';
import { run } from '../daemon/lib/process.ts';
import type { TestDaemon } from '../test/helpers/daemon.ts';

/** The few things the demo asks of a Docker client. */
export interface DemoClient {
  readonly name: string;
  load(archive: string): Promise<string>;
  /** Starts a container in the background and returns its whole id. */
  run(image: string, env: readonly string[], command: readonly string[]): Promise<string>;
  /** Its output once it has this many lines. */
  logs(id: string, lines: number): Promise<string>;
  remove(id: string): Promise<void>;
}

/** The Docker CLI; undefined when there is none. */
export async function cliClient(daemon: TestDaemon): Promise<DemoClient | undefined> {
  const version = await run('docker', ['--version'], { allowFailure: true }).catch(() => undefined); // not installed
  if (version?.exitCode !== 0) return undefined;
  const docker = async (...args: string[]): Promise<string> => (await daemon.docker(args)).stdout;
  return {
    name: version.stdout.trim(),
    load: (archive) => docker('load', '-i', archive),
    run: async (image, env, command) =>
      (await docker('run', '-d', ...env.flatMap((one) => ['-e', one]), image, ...command)).trim(),
    logs: (id, lines) => settled(() => docker('logs', id), lines),
    remove: async (id) => void (await docker('rm', '-f', id)),
  };
}

/** The Docker Engine API, spoken with Node's own HTTP client. */
export function apiClient(daemon: TestDaemon): DemoClient {
  const call = async (method: string, target: string, body?: unknown, type?: string): Promise<string> => {
    const answer = await daemon.call(method, target, { body, ...(type && { headers: { 'Content-Type': type } }) });
    if (answer.status >= 400) throw new Error(`${method} ${target}: ${answer.status} ${answer.text}`);
    return answer.text;
  };
  return {
    name: 'the Docker Engine API',
    load: (archive) => call('POST', '/images/load?quiet=1', readFileSync(archive), 'application/x-tar'),
    async run(Image, Env, Cmd) {
      const { Id } = JSON.parse(await call('POST', '/containers/create', { Image, Env, Cmd, Tty: true })) as { Id: string };
      await call('POST', `/containers/${Id}/start`);
      return Id;
    },
    logs: (id, lines) => settled(() => call('GET', `/containers/${id}/logs?stdout=1&stderr=1`), lines),
    remove: async (id) => void (await call('DELETE', `/containers/${id}?force=1`)),
  };
}

function settled(read: () => Promise<string>, lines: number): Promise<string> {
  const enough = async (): Promise<string | false> => {
    const text = await read();
    return text.trimEnd().split('\n').length >= lines && text;
  };
  return poll('output of the container', enough, { timeoutMs: 10_000 });
}
