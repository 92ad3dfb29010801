/*
 * `docker push`: layers go up side by side under the daemon's limit, then configuration and manifest. Layers that are stored as plain tars (from `docker load` or
 * `import`) are packed with gzip once; the image's records then point at the packed manifest, so that pushing again sends nothing.
 */
import { randomUUID } from 'node:crypto';
import { pipeline, Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { notFound } from '../errors/error.ts';
import { shortId } from '../lib/id.ts';
import { mapLimited } from '../lib/map-limited.ts';
import type { AuthConfig, Descriptor } from '../types/docker/image.ts';
import { chunks, underLease, writeManifest } from './assemble.ts';
import { digestOf } from './chain.ts';
import { type ImageEntry, isDigestName } from './image-index.ts';
import { isUncompressed, layerType, type ManifestBlob } from './media-types.ts';
import { layerProgress, type Progress, throttledBar } from './progress.ts';
import {
  familiarName,
  familiarRepository,
  normalName,
  parseReference,
  type Reference,
  repositoryOf,
  tryParseReference,
} from './reference.ts';
import { openRepository } from './registry/open.ts';
import type { Repository } from './registry/repository.ts';
import { putManifest, uploadBlob } from './registry/upload.ts';
import { type ImagesRoom, imageEvent } from './room.ts';
import { storeStream } from './store-stream.ts';

const sourceLabel = 'containerd.io/distribution.source.';

/** What a push is told. Without a tag all tags of the repository are pushed. */
export interface PushRequest {
  readonly repo: string;
  readonly tag?: string;
  readonly auth?: AuthConfig;
  readonly signal?: AbortSignal;
}

interface Push {
  readonly room: ImagesRoom;
  readonly repository: Repository;
  readonly progress: Progress;
  readonly lease: string;
  readonly signal?: AbortSignal;
}

/** Pushes one tag or all tags of a repository. Throws notFound `An image does not exist locally with the tag: …` before anything is sent. */
export async function pushImage(room: ImagesRoom, request: PushRequest, progress: Progress): Promise<void> {
  const named = parseReference(request.tag ? `${request.repo}:${request.tag}` : request.repo);
  const tags = tagsOf(room, named);
  progress({ status: `The push refers to repository [${repositoryOf(named)}]` });
  if (tags.length === 0) throw notFound(missing(room, named));
  const { signal } = request;
  using session = openRepository(named, room.config, request.auth);
  for (const { reference, image } of tags) {
    await underLease(
      room,
      async (lease) => pushOne({ room, repository: session.origin, progress, lease, signal }, reference, image),
      { signal },
    );
  }
}

function tagsOf(room: ImagesRoom, named: Reference): { reference: Reference; image: ImageEntry }[] {
  if (named.tag) {
    const image = room.index.byName(normalName(named));
    return image ? [{ reference: named, image }] : [];
  }
  return room.index.all().flatMap((image) =>
    image.names
      .map((name) => tryParseReference(name))
      .filter((one): one is Reference => one?.tag !== undefined && repositoryOf(one) === repositoryOf(named))
      .map((reference) => ({ reference, image })),
  );
}

function missing(room: ImagesRoom, named: Reference): string {
  if (!named.tag) return `An image does not exist locally with the tag: ${familiarRepository(named)}`;
  const others = tagsOf(room, { ...named, tag: undefined });
  return others.length > 0
    ? `tag does not exist: ${familiarName(named)}`
    : `An image does not exist locally with the tag: ${familiarRepository(named)}`;
}

async function pushOne(push: Push, reference: Reference, image: ImageEntry): Promise<void> {
  const { room, repository, progress, signal } = push;
  const target = room.index.targetOf(normalName(reference)) ?? image.manifest;
  const stored = await room.client.readJson<ManifestBlob>(target.digest, { signal });
  const diffIds = image.config.rootfs.diff_ids;
  const ids = diffIds.map(shortId);
  for (const id of ids.toReversed()) progress(layerProgress(id, 'Preparing'));
  if (ids.length > room.config.maxConcurrentUploads) {
    for (const id of ids.toReversed().slice(room.config.maxConcurrentUploads)) progress(layerProgress(id, 'Waiting'));
  }
  const config = await readWhole(room, stored.config.digest);
  const layers = await mapLimited(stored.layers, room.config.maxConcurrentUploads, async (layer, at) => {
    const packed = await pack(push, layer);
    await pushLayer(push, packed, ids[at]!);
    return packed;
  });
  const isRepacked = layers.some((layer, at) => layer.digest !== stored.layers[at]!.digest);
  await uploadBlob(repository, {
    descriptor: { ...stored.config, size: config.length },
    source: () => chunks(config),
    mountFrom: [],
    signal,
  });
  const manifest = isRepacked ? await writeManifest(room, { config, layers }, { lease: push.lease, signal }) : target;
  const bytes = await readWhole(room, manifest.digest);
  await putManifest(repository, reference.tag!, { bytes, mediaType: manifest.mediaType, signal });
  // All names of the plain form follow, so that its blobs can go.
  const same = image.names.filter(
    (name) => isRepacked && !isDigestName(name) && room.index.targetOf(name)?.digest === target.digest,
  );
  const names = new Set([...same, normalName(reference), `${repositoryOf(reference)}@${manifest.digest}`]);
  await room.store.add({ manifest, id: image.id, config: image.config, size: image.size, names: [...names] });
  await tagSource(push, layers);
  progress({ status: `${reference.tag}: digest: ${manifest.digest} size: ${bytes.length}` });
  progress({ progressDetail: {}, aux: { Tag: reference.tag, Digest: manifest.digest, Size: bytes.length } });
  imageEvent(room, 'push', { id: familiarName(reference), name: familiarRepository(reference), imageId: image.id });
}

async function pushLayer({ room, repository, progress, signal }: Push, layer: Descriptor, id: string): Promise<void> {
  using _place = await room.uploads.acquire(signal);
  const { info } = await room.client.content.info({ digest: layer.digest }, { signal });
  const mountFrom = (info?.labels[sourceLabel + repository.endpoint.host] ?? '').split(',').filter(Boolean);
  const outcome = await uploadBlob(repository, {
    descriptor: layer,
    source: () => room.client.readBlob(layer.digest, { signal }),
    mountFrom,
    onProgress: throttledBar(progress, { id, status: 'Pushing', total: layer.size }),
    signal,
  });
  if (outcome.kind === 'exists') progress(layerProgress(id, 'Layer already exists'));
  else progress(layerProgress(id, outcome.kind === 'mounted' ? `Mounted from ${outcome.from}` : 'Pushed'));
}

/** A plain layer as gzip in the content store; a packed one as it is. */
async function pack({ room, lease, signal }: Push, layer: Descriptor): Promise<Descriptor> {
  if (!isUncompressed(layer.mediaType)) return layer;
  const mediaType = layerType(layer.mediaType.includes('.oci.') ? 'oci' : 'docker', 'gzip');
  const ref = `pack-${layer.digest}-${randomUUID()}`;
  // The callback only takes the failure's second report: the reader of the gzip stream gets it too.
  const source = pipeline(Readable.from(room.client.readBlob(layer.digest, { signal })), createGzip(), () => undefined);
  const labels = { 'containerd.io/uncompressed': layer.digest };
  return { mediaType, ...(await storeStream(room.client, source, { ref, lease, signal, labels })) };
}

/** Remembers where the layers are now, for mounting them into other repositories of the same registry. */
async function tagSource({ room, repository, signal }: Push, layers: readonly Descriptor[]): Promise<void> {
  const label = sourceLabel + repository.endpoint.host;
  for (const { digest } of layers) {
    const { info } = await room.client.content.info({ digest }, { signal });
    const known = (info?.labels[label] ?? '').split(',').filter(Boolean);
    if (known.includes(repository.path)) continue;
    const labels = { [label]: [...known, repository.path].slice(-5).join(',') };
    await room.client.content.update({ info: { digest, labels }, updateMask: [`labels.${label}`] }, { signal });
  }
}

async function readWhole(room: ImagesRoom, digest: string): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of room.client.readBlob(digest)) parts.push(part);
  const bytes = Buffer.concat(parts);
  if (digestOf(bytes) !== digest) throw notFound(`content ${digest} is damaged`);
  return bytes;
}
