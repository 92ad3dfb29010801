/*
 * Layers become snapshots: containerd's diff service applies a layer to a fresh snapshot over its parent, which is then committed under the layer's chain id.
 * The same layer is unpacked once, whoever asks at the same time. On top of the last layer comes the init layer (see init-layer.ts), the parent of containers.
 * The caller's lease keeps the snapshots until `keep` has tied them to the image's configuration blob.
 */
import { randomUUID } from 'node:crypto';
import type { ContainerdClient } from '../ctrd/contract.ts';
import { internal, invalidArgument, isKind } from '../errors/error.ts';
import { KeyedMutex } from '../lib/keyed-mutex.ts';
import type { Descriptor } from '../types/docker/image.ts';
import { chainIds } from './chain.ts';
import { initKeyOf, makeInitLayer } from './init-layer.ts';

/** A layer as the manifest has it, with the digest of its plain tar. */
export interface Layer {
  readonly descriptor: Descriptor;
  readonly diffId: string;
}

/** Where and for whom layers are unpacked. */
export interface UnpackOptions {
  readonly snapshotter: string;
  readonly lease: string;
  readonly signal?: AbortSignal;
}

/** See above. */
export class Unpacker {
  readonly #client: ContainerdClient;
  readonly #workDir: string;
  readonly #mutex = new KeyedMutex();
  /** `snapshotter/chain id` -> bytes of that one layer, unpacked. */
  readonly #sizes = new Map<string, number>();

  constructor(client: ContainerdClient, workDir: string) {
    this.#client = client;
    this.#workDir = workDir;
  }

  /** True when the snapshot is there; it then also belongs to the lease. */
  async has(chainId: string, { snapshotter, lease, signal }: UnpackOptions): Promise<boolean> {
    try {
      await this.#client.leases.addResource(
        { id: lease, resource: { id: chainId, type: `snapshots/${snapshotter}` } },
        { signal },
      );
      await this.#client.snapshots.stat({ snapshotter, key: chainId }, { signal });
      return true;
    } catch (error) {
      if (isKind(error, 'notFound')) return false;
      throw error;
    }
  }

  /** How many of the layers, from the bottom, are unpacked already. */
  async unpackedCount(diffIds: readonly string[], options: UnpackOptions): Promise<number> {
    const chain = chainIds(diffIds);
    for (let count = chain.length; count > 0; count--) if (await this.has(chain[count - 1]!, options)) return count;
    return 0;
  }

  /** Unpacks one layer over its parent chain ('' for the bottom one); returns its chain id. The blob and the parent must be there. */
  async apply(parent: string, layer: Layer, options: UnpackOptions): Promise<string> {
    const chainId = chainIds(parent ? [parent, layer.diffId] : [layer.diffId]).at(-1)!;
    await this.#mutex.run(
      `${options.snapshotter}/${chainId}`,
      async () => {
        if (!(await this.has(chainId, options))) await this.#apply(parent, chainId, { layer, options });
      },
      options.signal,
    );
    return chainId;
  }

  async #apply(parent: string, chainId: string, { layer, options }: { layer: Layer; options: UnpackOptions }): Promise<void> {
    const { snapshotter, lease, signal } = options;
    const key = `pouch-extract-${randomUUID()}`;
    const { mounts } = await this.#client.snapshots.prepare({ snapshotter, key, parent }, { lease, signal });
    try {
      const { mediaType, digest, size } = layer.descriptor;
      const { applied } = await this.#client.diff.apply({ diff: { mediaType, digest, size }, mounts }, { lease, signal });
      if (applied?.digest !== layer.diffId)
        throw invalidArgument(`layer ${digest} unpacks to ${applied?.digest}, expected ${layer.diffId}`);
      await this.#client.snapshots.commit({ snapshotter, name: chainId, key }, { lease, signal });
    } catch (error) {
      await this.#client.snapshots.remove({ snapshotter, key }, {}).catch(() => undefined); // the lease's end takes what is left
      if (!isKind(error, 'alreadyExists')) throw withoutPath(error); // else another client of containerd was faster
    }
  }

  /** All layers and the init layer; returns the chain id. */
  async unpack(layers: readonly Layer[], options: UnpackOptions): Promise<string> {
    const diffIds = layers.map((layer) => layer.diffId);
    const done = await this.unpackedCount(diffIds, options);
    let chainId = chainIds(diffIds)[done - 1] ?? '';
    for (const layer of layers.slice(done)) chainId = await this.apply(chainId, layer, options);
    await this.init(chainId, options);
    return chainId;
  }

  /** Makes sure of the init layer over a chain; returns its key. */
  async init(chainId: string, options: UnpackOptions): Promise<string> {
    const key = initKeyOf(chainId);
    await this.#mutex.run(
      `${options.snapshotter}/${key}`,
      async () => {
        if (!(await this.has(key, options)))
          await makeInitLayer({ client: this.#client, workDir: this.#workDir }, chainId, options);
      },
      options.signal,
    );
    return key;
  }

  /** Ties the unpacked layers to the configuration blob, so that they live as long as an image record leads to it. */
  async keep(configDigest: string, chainId: string, { snapshotter, lease, signal }: UnpackOptions): Promise<void> {
    const base = `containerd.io/gc.ref.snapshot.${snapshotter}`;
    const labels: Record<string, string> = { [`${base}/init`]: initKeyOf(chainId) };
    if (chainId) labels[base] = chainId;
    const updateMask = Object.keys(labels).map((name) => `labels.${name}`);
    await this.#client.content.update({ info: { digest: configDigest, labels }, updateMask }, { lease, signal });
  }

  /** Unpacked bytes of each layer, bottom first; 0 for one that is not unpacked. */
  async layerSizes(diffIds: readonly string[], snapshotter: string): Promise<number[]> {
    return await Promise.all(chainIds(diffIds).map((chainId) => this.#layerSize(chainId, snapshotter)));
  }

  async #layerSize(chainId: string, snapshotter: string): Promise<number> {
    const known = this.#sizes.get(`${snapshotter}/${chainId}`);
    if (known !== undefined) return known;
    try {
      const { size } = await this.#client.snapshots.usage({ snapshotter, key: chainId });
      this.#sizes.set(`${snapshotter}/${chainId}`, size);
      return size;
    } catch (error) {
      if (isKind(error, 'notFound')) return 0;
      throw error;
    }
  }
}

/** containerd names its temporary mount before the reason; a damaged layer's own words are enough. */
function withoutPath(error: unknown): unknown {
  const reason = /mount callback failed on \S+: ((?:archive\/tar|unexpected EOF|gzip|zstd|failed to).*)/s.exec(
    error instanceof Error ? error.message : '',
  );
  return reason ? internal(reason[1]!, error) : error;
}
