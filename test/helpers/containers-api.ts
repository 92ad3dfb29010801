/* What the containers room's integration tests do over the HTTP API of a daemon from source: load the image, create, start, wait, look. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { poll } from '../../daemon/lib/deadline.ts';
import type { ContainerJSON } from '../../daemon/types/docker/container.ts';
import { type DaemonOptions, startDaemon, type TestDaemon } from './daemon.ts';
import { busyboxArchive } from './image.ts';

/** A daemon with busybox loaded; the test file has called `inOwnNamespaces`. */
export async function startWithImage(options: DaemonOptions = {}): Promise<TestDaemon> {
  const daemon = await startDaemon({ ...options, netns: false });
  try {
    const archive = path.join(daemon.dir, 'busybox.tar');
    await busyboxArchive(archive);
    await ok(daemon, 'POST', '/images/load?quiet=1', readFileSync(archive));
    return daemon;
  } catch (error) {
    await daemon[Symbol.asyncDispose]();
    throw error;
  }
}

/** A call that must succeed; gives its text. */
export async function ok(daemon: TestDaemon, method: string, target: string, body?: unknown): Promise<string> {
  const answer = await daemon.call(method, target, { body });
  if (answer.status >= 300) throw new Error(`${method} ${target}: ${answer.status} ${answer.text}`);
  return answer.text;
}

/** Creates a container of busybox; gives its id. */
export async function createContainer(daemon: TestDaemon, name: string, config: Record<string, unknown>): Promise<string> {
  const text = await ok(daemon, 'POST', `/containers/create?name=${name}`, { Image: 'busybox', ...config });
  return (JSON.parse(text) as { Id: string }).Id;
}

/** Creates and starts one. */
export async function runContainer(daemon: TestDaemon, name: string, config: Record<string, unknown>): Promise<string> {
  const id = await createContainer(daemon, name, config);
  await ok(daemon, 'POST', `/containers/${id}/start`);
  return id;
}

/** Inspect. */
export async function inspect(daemon: TestDaemon, ref: string): Promise<ContainerJSON> {
  return JSON.parse(await ok(daemon, 'GET', `/containers/${ref}/json`)) as ContainerJSON;
}

/** Waits until inspect satisfies `check`; for what happens soon. */
export async function until(daemon: TestDaemon, ref: string, check: (seen: ContainerJSON) => boolean): Promise<ContainerJSON> {
  return await poll(
    `container ${ref}`,
    async () => {
      const seen = await inspect(daemon, ref);
      return check(seen) ? seen : undefined;
    },
    { timeoutMs: 30_000, intervalMs: 20 },
  );
}

/** What containerd's own client says, in the daemon's namespace. */
export async function ctr(daemon: TestDaemon, ...args: string[]): Promise<string> {
  const socket = path.join(daemon.state, 'containerd/containerd.sock');
  return (await daemon.exec('ctr', ['-a', socket, '-n', 'pouchd', ...args])).stdout.trim();
}
