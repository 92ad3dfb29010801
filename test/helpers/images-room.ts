import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createContainerdClient } from '../../daemon/ctrd/client.ts';
import type { ContainerdClient } from '../../daemon/ctrd/contract.ts';
import type { EventInput } from '../../daemon/events/contract.ts';
import type { ImagesConfig } from '../../daemon/images/room.ts';
import { createImages, type Images } from '../../daemon/images/service.ts';
import { poll } from '../../daemon/lib/deadline.ts';
import { silentLogger } from '../../daemon/lib/log.ts';
import { hooksOf } from './hooks.ts';

/** The images room on a containerd of its own, with what a test looks at. */
export interface TestImages extends AsyncDisposable {
  readonly images: Images;
  readonly client: ContainerdClient;
  /** A folder of its own, removed at the end. */
  readonly dir: string;
  /** What was published, in order. */
  readonly events: EventInput[];
  /** Builds the room anew over the same containerd, as a restarted daemon does. */
  reopen(): Promise<Images>;
  /** Digests of all blobs and names of all snapshots, sorted: what a failed operation must not change. */
  contents(): Promise<{ blobs: string[]; snapshots: string[]; leases: number; ingests: number }>;
}

/** Starts a real containerd in a temporary folder and the room on it. `plugins` registers hook plugins. */
export async function startImages(
  options: { plugins?: () => unknown; config?: Partial<ImagesConfig> } = {},
): Promise<TestImages> {
  const dir = mkdtempSync(join(tmpdir(), 'pouchd-images-'));
  const socket = join(dir, 'c.sock');
  const daemon = startContainerd(dir, socket);
  const client = createContainerdClient({ socket, namespace: 'test' });
  const stop = async () => {
    client.disconnect();
    await stopProcess(daemon);
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    await poll('containerd answers', () => client.version.version({}).catch(() => undefined), { timeoutMs: 20_000 });
    await client.namespaces.create({ namespace: { name: 'test' } });
    const events: EventInput[] = [];
    const hooks = await hooksOf(options.plugins ?? (() => undefined));
    const open = () =>
      createImages({
        ctrd: {
          client,
          supervisor: {
            socket,
            pid: daemon.pid,
            ready: async () => undefined,
            onReconnect: () => () => undefined,
            stop: async () => undefined,
          },
        },
        config: {
          snapshotter: 'overlayfs',
          insecureRegistries: [],
          registryMirrors: [],
          maxConcurrentDownloads: 3,
          maxConcurrentUploads: 5,
          ...options.config,
        },
        events: { publish: (event) => void events.push(event), listen: () => () => undefined, async *subscribe() {} },
        hooks,
        log: silentLogger,
        workDir: join(dir, 'work'),
      });
    const images = await open();
    return { images, client, dir, events, reopen: open, contents: () => contentsOf(client), [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function startContainerd(dir: string, socket: string): ChildProcess {
  const config = join(dir, 'containerd.toml');
  mkdirSync(join(dir, 'root'), { recursive: true });
  writeFileSync(
    config,
    `version = 2\nroot = "${dir}/root"\nstate = "${dir}/state"\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\n  address = "${socket}"\n[ttrpc]\n  address = "${socket}.ttrpc"\n`,
  );
  const child = spawn('containerd', ['-c', config], { stdio: 'ignore' });
  process.on('exit', () => child.kill('SIGKILL'));
  return child;
}

function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGTERM');
  });
}

async function contentsOf(
  client: ContainerdClient,
): Promise<{ blobs: string[]; snapshots: string[]; leases: number; ingests: number }> {
  const blobs: string[] = [];
  for await (const { info } of client.content.list({})) blobs.push(...info.map((one) => one.digest));
  const snapshots: string[] = [];
  for await (const { info } of client.snapshots.list({ snapshotter: 'overlayfs' }))
    snapshots.push(...info.map((one) => one.name));
  const { leases } = await client.leases.list({});
  const { statuses } = await client.content.listStatuses({});
  return { blobs: blobs.sort(), snapshots: snapshots.sort(), leases: leases.length, ingests: statuses.length };
}
