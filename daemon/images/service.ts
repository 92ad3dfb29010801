/*
 * The images room: builds what its verbs stand on (index, store, unpacker, roots) and offers them as one service. Each verb is a file of its own; this one only
 * joins them. Heavy parts (registry client, archives, builder) are loaded when first used.
 */
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContainerdClient, Ctrd } from '../ctrd/contract.ts';
import { invalidArgument } from '../errors/error.ts';
import type { EventBus } from '../events/contract.ts';
import type { HookCaller } from '../hooks/contract.ts';
import { KeyedMutex } from '../lib/keyed-mutex.ts';
import type { Logger } from '../lib/log.ts';
import { unmountBelow } from '../lib/mount.ts';
import { Semaphore } from '../lib/semaphore.ts';
import type { ImageService, ImageUser } from './contract.ts';
import { type ImageEntry, ImageIndex } from './image-index.ts';
import { inspectImage } from './inspect.ts';
import { layersSize, listImages } from './list.ts';
import { checkTag, familiarName, normalName, parseReference, withDefaultTag } from './reference.ts';
import { removeImage } from './remove.ts';
import { type ImagesConfig, type ImagesRoom, imageEvent } from './room.ts';
import { RootfsTable } from './rootfs.ts';
import { ImageStore } from './store.ts';
import { Unpacker } from './unpack.ts';

/** What the room is built from. */
export interface ImagesDeps {
  readonly ctrd: Pick<Ctrd, 'client' | 'supervisor'>;
  readonly config: ImagesConfig;
  readonly events: EventBus;
  readonly hooks: HookCaller;
  readonly log: Logger;
  /** A private folder; what is left in it from before is removed. */
  readonly workDir: string;
}

/** The service with what only the API's image routes need: the verbs' common ground. */
export interface Images extends ImageService {
  readonly room: ImagesRoom;
  close(): Promise<void>;
}

/** How ctrd's withLease names its leases. */
const leasePrefix = 'pouch-';

/** Builds the room and reads the images; containerd must answer by then or soon. */
export async function createImages(deps: ImagesDeps): Promise<Images> {
  const { client } = deps.ctrd;
  await clearWorkDir(deps.workDir);
  const index = new ImageIndex();
  const store = new ImageStore(client, index, deps.log);
  const unpacker = new Unpacker(client, deps.workDir);
  let users: (imageId: string) => ImageUser[] = () => [];
  const { events, hooks, log, config, workDir } = deps;
  const room: ImagesRoom = {
    client,
    events,
    hooks,
    log,
    config,
    workDir,
    index,
    store,
    unpacker,
    downloads: new Semaphore(config.maxConcurrentDownloads),
    uploads: new Semaphore(config.maxConcurrentUploads),
    blobs: new KeyedMutex(),
    users: (imageId) => users(imageId),
  };
  const rootfs = new RootfsTable(client, unpacker, { snapshotter: config.snapshotter, workDir });
  await Promise.all([store.load(), clearLeases(client)]);
  const stopListening = deps.ctrd.supervisor.onReconnect(() => {
    rootfs.forget();
    store.load().catch((error: unknown) => log.error('images could not be read after containerd came back', { error }));
  });
  return {
    room,
    resolve: (ref) => index.resolve(ref),
    find: (ref) => index.find(ref),
    list: () => index.all(),
    pull: async (request, progress, signal) => (await import('./pull.ts')).pullImage(room, request, progress, signal),
    prepareRootfs: (key, image, options) => rootfs.prepare(key, image, options),
    rootfsMounts: (key, snapshotter) => rootfs.mounts(key, snapshotter),
    removeRootfs: (key, snapshotter) => rootfs.remove(key, snapshotter),
    rootfsUsage: (key, snapshotter) => rootfs.usage(key, snapshotter),
    listRootfs: () => rootfs.list(),
    withRootfs: (key, snapshotter, work) => rootfs.with(key, snapshotter, work),
    commit: async (request) => (await import('./commit.ts')).commitImage(room, request),
    defaultSnapshotter: config.snapshotter,
    inspect: async (ref) => inspectImage(index.resolve(ref), config.snapshotter),
    summaries: (options) => listImages(room, options),
    setUsers: (source) => {
      users = source;
    },
    tag: async (ref, target) => await tagImage(room, index.resolve(ref), target),
    remove: (ref, options) => removeImage(room, ref, options ?? {}),
    layersSize: () => layersSize(room),
    login: async (auth, signal) => (await import('./distribution.ts')).checkAuth(config, auth, signal),
    close: async () => stopListening(),
  };
}

async function tagImage(room: ImagesRoom, image: ImageEntry, { repo, tag }: { repo: string; tag?: string }): Promise<void> {
  const reference = parseReference(repo);
  if (reference.digest) throw invalidArgument('refusing to create a tag with a digest reference');
  const target = withDefaultTag(tag ? { ...reference, tag: checkTag(tag) } : reference); // as in Docker, `tag` wins over `repo:tag`
  await room.store.tag(image.id, normalName(target));
  imageEvent(room, 'tag', { id: image.id, name: familiarName(tag ? target : reference) }); // without `latest`, where nobody said it
}

/** A daemon that was killed may have left mounts and spooled files. */
async function clearWorkDir(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const names = await readdir(dir);
  if (names.length === 0) return;
  await unmountBelow(dir);
  for (const name of names) await rm(join(dir, name), { recursive: true, force: true });
}

/** Nothing is under way yet, so every lease of ours is a leftover; with it go half-written blobs and half-unpacked layers. */
async function clearLeases(client: ContainerdClient): Promise<void> {
  const { leases } = await client.leases.list({});
  for (const { id } of leases) if (id.startsWith(leasePrefix)) await client.leases.delete({ id });
}
