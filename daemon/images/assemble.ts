/*
 * The last steps that load, import, commit, build and pull share: write configuration and manifest with the labels that let containerd's garbage collection
 * walk from the record to the layers, unpack, tie the snapshots, and make the image known. Everything is under the caller's lease until then.
 */

import { invalidArgument, isKind } from '../errors/error.ts';
import type { Descriptor, ImageConfigBlob } from '../types/docker/image.ts';
import { digestOf } from './chain.ts';
import type { ImageEntry } from './image-index.ts';
import { type ManifestBlob, mediaTypes } from './media-types.ts';
import type { ImagesRoom } from './room.ts';

/** How an image is completed. */
export interface AssembleOptions {
  readonly lease: string;
  readonly names: readonly string[];
  readonly snapshotter?: string;
  readonly parent?: string;
  readonly signal?: AbortSignal;
}

/** An image whose layer blobs are in containerd. */
export interface Parts {
  /** The configuration as bytes: its digest is the image's id. */
  readonly config: Buffer;
  readonly layers: readonly Descriptor[];
  /** The manifest's own bytes where the image came with one; made otherwise. */
  readonly manifest?: { readonly bytes: Buffer; readonly mediaType: string };
}

/** Reads a configuration blob. Throws invalidArgument when it is none, or does not belong to that many layers. */
export function parseConfig(bytes: Buffer, layerCount: number): ImageConfigBlob {
  let config: ImageConfigBlob;
  try {
    config = JSON.parse(bytes.toString('utf8')) as ImageConfigBlob; // shape checked below as far as it is used
  } catch (error) {
    throw invalidArgument('invalid image configuration: not JSON', error);
  }
  const diffIds: unknown = config?.rootfs?.diff_ids ?? [];
  if (!Array.isArray(diffIds) || diffIds.some((one) => typeof one !== 'string')) {
    throw invalidArgument('invalid image configuration: rootfs.diff_ids is no list');
  }
  if (diffIds.length !== layerCount) {
    throw invalidArgument(`invalid manifest, layers length mismatch: expected ${diffIds.length}, got ${layerCount}`);
  }
  return { ...config, rootfs: { type: 'layers', diff_ids: diffIds } };
}

/** Writes the two small blobs; returns the manifest's descriptor. */
export async function writeManifest(
  room: Pick<ImagesRoom, 'client'>,
  parts: Parts,
  { lease, signal }: { lease: string; signal?: AbortSignal },
): Promise<Descriptor> {
  const id = digestOf(parts.config);
  const isOci = parts.layers.some((layer) => layer.mediaType.includes('.oci.'));
  const manifest = parts.manifest ?? makeManifest(parts.config, parts.layers, isOci ? 'oci' : 'docker');
  const digest = digestOf(manifest.bytes);
  const blob = (bytes: Buffer) => ({ expectedDigest: digestOf(bytes), expectedSize: bytes.length, lease, signal });
  await room.client.writeBlob(`config-${id}`, blob(parts.config), chunks(parts.config));
  const labels: Record<string, string> = { 'containerd.io/gc.ref.content.config': id };
  for (const [at, layer] of parts.layers.entries()) labels[`containerd.io/gc.ref.content.l.${at}`] = layer.digest;
  await room.client.writeBlob(`manifest-${digest}`, { ...blob(manifest.bytes), labels }, chunks(manifest.bytes));
  return { mediaType: manifest.mediaType, digest, size: manifest.bytes.length };
}

function makeManifest(config: Buffer, layers: readonly Descriptor[], family: 'docker' | 'oci'): NonNullable<Parts['manifest']> {
  const mediaType = family === 'oci' ? mediaTypes.ociManifest : mediaTypes.dockerManifest;
  const blob: ManifestBlob = {
    schemaVersion: 2,
    mediaType,
    config: {
      mediaType: family === 'oci' ? mediaTypes.ociConfig : mediaTypes.dockerConfig,
      digest: digestOf(config),
      size: config.length,
    },
    layers: layers.map((layer) => ({ mediaType: layer.mediaType, digest: layer.digest, size: layer.size })),
  };
  return { mediaType, bytes: Buffer.from(JSON.stringify(blob)) };
}

/** One buffer as a blob's source. */
export async function* chunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Writes, unpacks and registers an image. */
export async function assemble(room: ImagesRoom, parts: Parts, options: AssembleOptions): Promise<ImageEntry> {
  const config = parseConfig(parts.config, parts.layers.length);
  const manifest = await writeManifest(room, parts, options);
  return await finish(room, { id: digestOf(parts.config), config, manifest, layers: parts.layers }, options);
}

/** The second half of `assemble`, for images whose manifest is written: unpacks and registers. */
export async function finish(
  room: ImagesRoom,
  image: { id: string; config: ImageConfigBlob; manifest: Descriptor; layers: readonly Descriptor[] },
  { lease, names, parent, signal, snapshotter = room.config.snapshotter }: AssembleOptions,
): Promise<ImageEntry> {
  const diffIds = image.config.rootfs.diff_ids;
  const unpack = { snapshotter, lease, signal };
  const chainId = await room.unpacker.unpack(
    image.layers.map((descriptor, at) => ({ descriptor, diffId: diffIds[at]! })),
    unpack,
  );
  await room.unpacker.keep(image.id, chainId, unpack);
  const sizes = await room.unpacker.layerSizes(diffIds, snapshotter);
  const size = sizes.reduce((sum, one) => sum + one, 0);
  return await room.store.add({ manifest: image.manifest, id: image.id, config: image.config, size, names, parent });
}

/** Runs work with a lease; when it fails, what it brought is collected before the error goes on, so that a broken upload leaves nothing. */
export async function underLease<T>(
  room: Pick<ImagesRoom, 'client'>,
  work: (lease: string) => Promise<T>,
  options: { expireMs?: number; signal?: AbortSignal } = {},
): Promise<T> {
  return await room.client.withLease(
    async (lease) => {
      try {
        return await work(lease);
      } catch (error) {
        await room.client.leases.delete({ id: lease, sync: true }).catch(() => undefined); // containerd is gone: the lease expires
        throw error;
      }
    },
    { expireMs: 24 * 60 * 60 * 1000, ...options },
  );
}

/** True when a blob is here, and then it stays for the lease. The lease comes first: from then on the blob stays, even when its image is removed at this moment. */
export async function hasBlob(room: Pick<ImagesRoom, 'client'>, { digest }: Descriptor, lease: string): Promise<boolean> {
  try {
    await room.client.leases.addResource({ id: lease, resource: { id: digest, type: 'content' } });
    await room.client.content.info({ digest });
    return true;
  } catch (error) {
    if (isKind(error, 'notFound')) return false;
    throw error;
  }
}
