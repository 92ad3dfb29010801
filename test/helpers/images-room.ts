import { join } from 'node:path';
import type { ContainerdClient, Supervisor } from '../../daemon/ctrd/contract.ts';
import type { EventInput } from '../../daemon/events/contract.ts';
import type { ImagesConfig } from '../../daemon/images/room.ts';
import { createImages, type Images } from '../../daemon/images/service.ts';
import { silentLogger } from '../../daemon/lib/log.ts';
import { startContainerd } from './containerd.ts';
import { hooksOf } from './hooks.ts';

/** The images room on a containerd of its own, with what a test looks at. */
export interface TestImages extends AsyncDisposable {
  readonly images: Images;
  readonly client: ContainerdClient;
  readonly supervisor: Supervisor;
  /** A folder of its own, removed at the end. */
  readonly dir: string;
  /** What was published, in order. */
  readonly events: EventInput[];
  /** Builds the room anew over the same containerd, as a restarted daemon does. */
  reopen(): Promise<Images>;
  /** Digests of all blobs and names of all snapshots, sorted: what a failed operation must not change. */
  contents(): Promise<{ blobs: string[]; snapshots: string[]; leases: number; ingests: number }>;
}

/** Starts a real containerd in a temporary folder (or in `dir`) and the room on it. `plugins` registers hook plugins. */
export async function startImages(
  options: { plugins?: () => unknown; config?: Partial<ImagesConfig>; dir?: string } = {},
): Promise<TestImages> {
  const ctrd = await startContainerd({ namespace: 'test', ...(options.dir ? { dir: options.dir } : {}) });
  const { client, dir } = ctrd;
  const opened: Images[] = [];
  const stop = async () => {
    for (const images of opened) await images.close();
    await ctrd[Symbol.asyncDispose]();
  };
  try {
    const events: EventInput[] = [];
    const hooks = await hooksOf(options.plugins ?? (() => undefined));
    const open = async () => {
      const images = await createImages({
        ctrd,
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
      opened.push(images);
      return images;
    };
    const images = await open();
    const contents = () => contentsOf(client);
    return { images, client, dir, events, supervisor: ctrd.supervisor, reopen: open, contents, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
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
