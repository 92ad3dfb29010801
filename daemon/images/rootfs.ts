/*
 * The writable roots of containers: one active snapshot each, over the image's init layer. The usual create is one call to containerd, and the mounts that it answers
 * are kept for the start that follows. The label `containerd.io/gc.root` keeps a root from garbage collection until it is removed.
 */
import type { ContainerdClient } from '../ctrd/contract.ts';
import { isKind, notFound } from '../errors/error.ts';
import type { Mount } from '../types/gen/containerd/types.ts';
import { hasBlob } from './assemble.ts';
import type { Image, RootfsMount } from './contract.ts';
import { initKeyOf, withMounted } from './init-layer.ts';
import type { ManifestBlob } from './media-types.ts';
import type { Unpacker } from './unpack.ts';

const rootLabel = 'io.pouchd.rootfs';
const rememberedMounts = 256;
/** The root folder itself counts in containerd; in Docker a fresh container has 0 bytes. */
const rootDirBytes = 4096;

/** See above. */
export class RootfsTable {
  readonly #client: ContainerdClient;
  readonly #unpacker: Unpacker;
  readonly #options: { snapshotter: string; workDir: string };
  readonly #mounts = new Map<string, RootfsMount[]>();

  constructor(client: ContainerdClient, unpacker: Unpacker, options: { snapshotter: string; workDir: string }) {
    this.#client = client;
    this.#unpacker = unpacker;
    this.#options = options;
  }

  /** See ImageService.prepareRootfs. */
  async prepare(key: string, image: Image, options: { snapshotter?: string; signal?: AbortSignal } = {}): Promise<void> {
    const snapshotter = options.snapshotter || this.#options.snapshotter;
    const request = {
      snapshotter,
      key,
      parent: initKeyOf(image.chainId),
      labels: { 'containerd.io/gc.root': new Date().toISOString(), [rootLabel]: image.id },
    };
    try {
      this.#remember(snapshotter, key, (await this.#client.snapshots.prepare(request, { signal: options.signal })).mounts);
    } catch (error) {
      if (!isKind(error, 'notFound')) throw error;
      await this.#client.withLease(
        async (lease) => {
          await this.#mustExist(image, lease);
          await this.unpackImage(image, { snapshotter, lease, signal: options.signal });
          this.#remember(snapshotter, key, (await this.#client.snapshots.prepare(request, { signal: options.signal })).mounts);
        },
        { signal: options.signal },
      );
    }
  }

  /** The image may have been removed between the caller's look and now. */
  async #mustExist(image: Image, lease: string): Promise<void> {
    if (!(await hasBlob({ client: this.#client }, image.manifest, lease)))
      throw notFound(`No such image: ${image.tags[0] ?? image.id}`);
  }

  /** Unpacks an image whose blobs are here into a snapshotter and ties the snapshots to it. */
  async unpackImage(image: Image, options: { snapshotter: string; lease: string; signal?: AbortSignal }): Promise<void> {
    const { layers } = await this.#client.readJson<ManifestBlob>(image.manifest.digest, { signal: options.signal });
    const diffIds = image.config.rootfs.diff_ids;
    await this.#unpacker.unpack(
      layers.map((descriptor, at) => ({ descriptor, diffId: diffIds[at] ?? '' })),
      options,
    );
    await this.#unpacker.keep(image.id, image.chainId, options);
  }

  #remember(snapshotter: string, key: string, mounts: Mount[]): void {
    if (this.#mounts.size >= rememberedMounts) this.#mounts.delete(this.#mounts.keys().next().value!);
    this.#mounts.set(`${snapshotter}/${key}`, mounts);
  }

  /** After containerd was away nothing is taken for granted. */
  forget(): void {
    this.#mounts.clear();
  }

  /** See ImageService.rootfsMounts. */
  async mounts(key: string, snapshotter = this.#options.snapshotter): Promise<RootfsMount[]> {
    const known = this.#mounts.get(`${snapshotter}/${key}`);
    if (known) return known;
    const { mounts } = await this.#client.snapshots.mounts({ snapshotter, key });
    this.#remember(snapshotter, key, mounts);
    return mounts;
  }

  /** See ImageService.removeRootfs. */
  async remove(key: string, snapshotter = this.#options.snapshotter): Promise<void> {
    this.#mounts.delete(`${snapshotter}/${key}`);
    try {
      await this.#client.snapshots.remove({ snapshotter, key });
    } catch (error) {
      if (!isKind(error, 'notFound')) throw error;
    }
  }

  /** See ImageService.rootfsUsage. */
  async usage(key: string, snapshotter = this.#options.snapshotter): Promise<{ size: number; inodes: number }> {
    const { size, inodes } = await this.#client.snapshots.usage({ snapshotter, key });
    return { size: Math.max(0, size - rootDirBytes), inodes: Math.max(0, inodes - 1) };
  }

  /** See ImageService.listRootfs. */
  async list(): Promise<{ key: string; snapshotter: string }[]> {
    const found: { key: string; snapshotter: string }[] = [];
    for (const snapshotter of await this.#snapshotters()) {
      for await (const { info } of this.#client.snapshots.list({ snapshotter, filters: [`labels."${rootLabel}"`] })) {
        for (const { name, labels } of info) if (labels[rootLabel] !== undefined) found.push({ key: name, snapshotter });
      }
    }
    return found;
  }

  async #snapshotters(): Promise<string[]> {
    const { plugins } = await this.#client.introspection.plugins({ filters: ['type==io.containerd.snapshotter.v1'] });
    return plugins.filter((plugin) => !plugin.initErr).map((plugin) => plugin.id);
  }

  /** See ImageService.withRootfs. */
  async with<T>(key: string, snapshotter: string | undefined, work: (root: string) => Promise<T>): Promise<T> {
    const mounts = await this.mounts(key, snapshotter);
    if (mounts.length === 0) throw notFound(`snapshot ${key} has no mounts`);
    return await withMounted(mounts, this.#options.workDir, work);
  }
}
