/*
 * containerd's image records and the index in step. Every image has a record named by its id (`sha256:…`, as containerd's CRI does), which keeps it and carries what we know
 * of it as labels; each name is one more record. So moving a tag never loses the old image: it stays as a dangling one. Writes are one at a time; containerd goes first.
 */
import type { ContainerdClient } from '../ctrd/contract.ts';
import { isKind, messageOf } from '../errors/error.ts';
import { KeyedMutex } from '../lib/keyed-mutex.ts';
import type { Logger } from '../lib/log.ts';
import { mapLimited } from '../lib/map-limited.ts';
import { nowText } from '../lib/time.ts';
import type { Descriptor, ImageConfigBlob } from '../types/docker/image.ts';
import type { Image as ImageRecord } from '../types/gen/containerd/images.ts';
import { topChainId } from './chain.ts';
import type { ImageEntry, ImageIndex } from './image-index.ts';
import { type IndexBlob, isIndexType, type ManifestBlob } from './media-types.ts';
import { choosePlatform, hostPlatform } from './platform.ts';
import { isDigest, tryParseReference } from './reference.ts';

const labelOf = { size: 'io.pouchd.image.size', parent: 'io.pouchd.image.parent', lastTag: 'io.pouchd.image.last-tag' } as const;

/** An image that is complete in containerd: blobs written and labelled, layers unpacked. */
export interface NewImage {
  manifest: Descriptor;
  /** Digest of the configuration. */
  id: string;
  config: ImageConfigBlob;
  /** Unpacked bytes; 0 when it was not unpacked. */
  size: number;
  /** Normal names to give it. */
  names: readonly string[];
  parent?: string;
}

/** See above. */
export class ImageStore {
  readonly #client: ContainerdClient;
  readonly #index: ImageIndex;
  readonly #log: Logger;
  readonly #mutex = new KeyedMutex();

  constructor(client: ContainerdClient, index: ImageIndex, log: Logger) {
    this.#client = client;
    this.#index = index;
    this.#log = log;
  }

  /** Reads all records anew: at start and after containerd was away. A record whose content is missing is left alone and not shown. */
  load(): Promise<void> {
    return this.#mutex.run('', async () => {
      const { images } = await this.#client.images.list({});
      const details = new Map<string, Promise<Details | undefined>>();
      const read = (record: ImageRecord) => {
        const digest = record.target?.digest ?? '';
        const known = details.get(digest) ?? this.#read(record);
        details.set(digest, known);
        return known;
      };
      const found = await mapLimited(images, 8, async (record) => ({ record, details: await read(record) }));
      this.#index.clear();
      // Records by id first: they carry the labels.
      for (const byId of [true, false]) {
        for (const { record, details: one } of found) if (one && isDigest(record.name) === byId) this.#take(record, one);
      }
    });
  }

  #take(record: ImageRecord, { id, manifest, config }: Details): void {
    const isIdRecord = isDigest(record.name);
    if (isIdRecord || !this.#index.get(id)) {
      this.#index.put({
        id,
        manifest,
        config,
        chainId: topChainId(config.rootfs.diff_ids),
        size: Number(record.labels[labelOf.size] ?? 0),
        parent: record.labels[labelOf.parent] ?? '',
        lastTagTime: record.labels[labelOf.lastTag] ?? '',
        hasIdRecord: isIdRecord && record.name === id,
      });
    }
    if (!isIdRecord && tryParseReference(record.name)) this.#index.setName(record.name, id, manifest);
  }

  async #read({ name, target }: ImageRecord): Promise<Details | undefined> {
    if (!target) return undefined;
    try {
      let manifest: Descriptor = { mediaType: target.mediaType, digest: target.digest, size: target.size };
      if (isIndexType(manifest.mediaType)) {
        const index = await this.#client.readJson<IndexBlob>(manifest.digest);
        manifest = choosePlatform(index.manifests, hostPlatform());
      }
      const { config: descriptor } = await this.#client.readJson<ManifestBlob>(manifest.digest);
      return { manifest, id: descriptor.digest, config: await this.#client.readJson<ImageConfigBlob>(descriptor.digest) };
    } catch (error) {
      if (isKind(error, 'unavailable')) throw error;
      this.#log.warn('image record without usable content', { name, error: messageOf(error) });
      return undefined;
    }
  }

  /** Makes the image known under its id and its names; names are taken from the images that had them. */
  add(image: NewImage): Promise<ImageEntry> {
    return this.#mutex.run('', async () => {
      const before = this.#index.get(image.id);
      const facts = {
        id: image.id,
        manifest: image.manifest,
        config: image.config,
        chainId: topChainId(image.config.rootfs.diff_ids),
        size: image.size || before?.size || 0,
        parent: image.parent ?? before?.parent ?? '',
        lastTagTime: image.names.length > 0 ? nowText() : (before?.lastTagTime ?? ''),
        hasIdRecord: true,
      };
      const labels: Record<string, string> = { [labelOf.size]: String(facts.size) };
      if (facts.parent) labels[labelOf.parent] = facts.parent;
      if (facts.lastTagTime) labels[labelOf.lastTag] = facts.lastTagTime;
      await this.#write(image.id, image.manifest, labels);
      this.#index.put(facts);
      for (const name of image.names) await this.#setName(name, image.id, image.manifest);
      return this.#index.get(image.id)!;
    });
  }

  /** Gives an image one more name, taking it from the image that had it. */
  tag(id: string, name: string): Promise<void> {
    return this.#mutex.run('', async () => {
      const image = this.#index.resolve(id);
      const lastTagTime = nowText();
      await this.#setName(name, id, image.manifest);
      if (!image.hasIdRecord) return;
      const record = { name: id, target: descriptorOf(image.manifest), labels: { [labelOf.lastTag]: lastTagTime } };
      await this.#client.images.update({ image: record, updateMask: [`labels.${labelOf.lastTag}`] });
      this.#index.put({ ...image, lastTagTime });
    });
  }

  async #setName(name: string, id: string, target: Descriptor): Promise<void> {
    const holder = this.#index.byName(name);
    if (holder && holder.id !== id && !holder.hasIdRecord) {
      await this.#write(holder.id, holder.manifest, {}); // someone else's image: it must not vanish with its only name
      this.#index.put({ ...holder, hasIdRecord: true });
    }
    if (holder?.id !== id || this.#index.targetOf(name)?.digest !== target.digest) await this.#write(name, target, {});
    this.#index.setName(name, id, target);
  }

  async #write(name: string, target: Descriptor, labels: Record<string, string>): Promise<void> {
    const image = { name, target: descriptorOf(target), labels };
    try {
      await this.#client.images.create({ image });
    } catch (error) {
      if (!isKind(error, 'alreadyExists')) throw error;
      await this.#client.images.update({ image, updateMask: ['target', 'labels'] });
    }
  }

  /** Takes names away; the image stays, dangling when none is left. */
  removeNames(names: readonly string[]): Promise<void> {
    return this.#mutex.run('', async () => {
      for (const name of names) {
        const holder = this.#index.byName(name);
        if (holder && !holder.hasIdRecord && holder.names.length === 1) {
          await this.#write(holder.id, holder.manifest, {});
          this.#index.put({ ...holder, hasIdRecord: true });
        }
        await this.#delete(name, false);
        this.#index.removeName(name);
      }
    });
  }

  /** Removes an image with all its names; returns when containerd has collected what nothing uses any more. */
  remove(id: string): Promise<void> {
    return this.#mutex.run('', async () => {
      const { names, hasIdRecord } = this.#index.resolve(id);
      for (const [at, name] of names.entries()) {
        await this.#delete(name, !hasIdRecord && at === names.length - 1);
        this.#index.removeName(name);
      }
      if (hasIdRecord) await this.#delete(id, true);
      this.#index.remove(id);
    });
  }

  async #delete(name: string, sync: boolean): Promise<void> {
    try {
      await this.#client.images.delete({ name, sync });
    } catch (error) {
      if (!isKind(error, 'notFound')) throw error;
    }
  }
}

interface Details {
  id: string;
  manifest: Descriptor;
  config: ImageConfigBlob;
}

/** containerd's half of a descriptor. */
function descriptorOf({ mediaType, digest, size }: Descriptor): { mediaType: string; digest: string; size: number } {
  return { mediaType, digest, size };
}
