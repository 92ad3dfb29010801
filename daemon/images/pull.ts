/*
 * `docker pull`: manifest (a list leads to this platform's), then all layers at once under the daemon's limit, each unpacked as soon as those below it are. Blobs
 * go straight into containerd, a broken download goes on where it stopped; names are set last, so a failed pull changes nothing that anyone sees.
 */
import { conflict, internal, invalidArgument, isKind, messageOf } from '../errors/error.ts';
import { shortId } from '../lib/id.ts';
import type { Descriptor, ImageConfigBlob } from '../types/docker/image.ts';
import { finish, hasBlob, parseConfig, underLease, writeManifest } from './assemble.ts';
import { digestOf } from './chain.ts';
import type { Image, PullRequest } from './contract.ts';
import { type Pull, startDownloads } from './download.ts';
import type { ImageEntry } from './image-index.ts';
import { type IndexBlob, isIndexType, isManifestType, type ManifestBlob, mediaTypes } from './media-types.ts';
import { choosePlatform, hostPlatform, parsePlatform, platformFits } from './platform.ts';
import { layerProgress, type Progress } from './progress.ts';
import {
  familiarName,
  familiarRepository,
  normalName,
  parseReference,
  type Reference,
  repositoryOf,
  withDefaultTag,
} from './reference.ts';
import { pullError } from './registry/errors.ts';
import { openRepository } from './registry/open.ts';
import type { FetchedManifest, Repository } from './registry/repository.ts';
import { type ImagesRoom, imageEvent } from './room.ts';

/** See ImageService.pull. With `allTags` the last image is returned. */
export async function pullImage(
  room: ImagesRoom,
  request: PullRequest,
  progress: Progress,
  signal?: AbortSignal,
): Promise<Image> {
  const hooks = signal ? room.hooks.withSignal(signal) : room.hooks;
  const wanted = hooks.has('image.prePull') ? await hooks.chain('image.prePull', request.ref) : request.ref;
  const named = parseReference(wanted);
  const reference = request.allTags ? named : withDefaultTag(named);
  if (request.allTags && (named.tag || named.digest)) throw invalidArgument("tag can't be used with --all-tags/-a");
  using session = openRepository(reference, room.config, request.auth);
  try {
    if (!request.allTags)
      return await fromFirst(session.repositories, room, (repository) =>
        pullOne({ room, repository, request, progress, signal }, reference),
      );
    const tags = await session.origin.tags(signal);
    let last: Image | undefined;
    for (const tag of tags)
      last = await pullOne({ room, repository: session.origin, request, progress, signal }, { ...reference, tag });
    if (!last) throw invalidArgument(`no tags found for ${familiarRepository(reference)}`);
    return last;
  } catch (error) {
    throw pullError(error, familiarName(reference));
  }
}

/** Mirrors may be down or lack the image: the registry itself is asked last, and its error counts. */
async function fromFirst<T>(
  repositories: readonly Repository[],
  room: ImagesRoom,
  work: (repository: Repository) => Promise<T>,
): Promise<T> {
  for (const repository of repositories.slice(0, -1)) {
    try {
      return await work(repository);
    } catch (error) {
      if (isKind(error, 'cancelled')) throw error;
      room.log.warn('mirror did not serve the image', { mirror: repository.endpoint.host, error: messageOf(error) });
    }
  }
  return await work(repositories.at(-1)!);
}

async function pullOne(pull: Pull, reference: Reference): Promise<Image> {
  const { room, repository, request, progress, signal } = pull;
  const top = await repository.manifest(reference.digest ?? reference.tag!, signal);
  progress({ status: `Pulling from ${reference.path}`, id: reference.digest ?? reference.tag! });
  const own = await manifestFor(pull, top);
  const snapshotter = request.snapshotter || room.config.snapshotter;
  const names = [...(reference.digest ? [] : [normalName(reference)]), `${repositoryOf(reference)}@${top.digest}`];
  const before = room.index.byName(names[0]!);
  const image = await underLease(room, (lease) => fetchImage(pull, own, { lease, names, snapshotter }), { signal });
  progress({ status: `Digest: ${top.digest}` });
  const shown = familiarName(reference);
  const isNew = before?.id !== image.id;
  progress({ status: isNew ? `Status: Downloaded newer image for ${shown}` : `Status: Image is up to date for ${shown}` });
  imageEvent(room, 'pull', { id: shown, name: familiarRepository(reference), imageId: image.id });
  const view = { name: names[0]!, digest: top.digest, id: image.id };
  await (signal ? room.hooks.withSignal(signal) : room.hooks).run('image.postPull', snapshotter, view);
  return image;
}

/** The manifest of this platform's image. */
async function manifestFor({ repository, request, signal }: Pull, top: FetchedManifest): Promise<FetchedManifest> {
  let own = top;
  if (isIndexType(top.mediaType)) {
    const { manifests } = JSON.parse(top.bytes.toString('utf8')) as IndexBlob; // its digest or tag says where it is from
    const chosen = choosePlatform(manifests ?? [], request.platform ? parsePlatform(request.platform) : hostPlatform());
    own = await repository.manifest(chosen.digest, signal);
  }
  if (own.mediaType === mediaTypes.schema1 || own.mediaType === mediaTypes.schema1Signed) {
    throw invalidArgument(
      'Docker Image Format v1 and Docker Image manifest version 2, schema 1 are not supported: push the image again in the schema 2 or OCI format',
    );
  }
  if (!isManifestType(own.mediaType)) throw invalidArgument(`unsupported manifest media type "${own.mediaType}"`);
  return own;
}

interface FetchOptions {
  lease: string;
  names: string[];
  snapshotter: string;
}

async function fetchImage(asked: Pull, own: FetchedManifest, { lease, names, snapshotter }: FetchOptions): Promise<ImageEntry> {
  const { room, signal, request } = asked;
  const manifest = JSON.parse(own.bytes.toString('utf8')) as Partial<ManifestBlob>; // checked by use
  if (!manifest.config || !Array.isArray(manifest.layers)) throw invalidArgument('the manifest has no config or no layers');
  const layers = manifest.layers;
  const pull = room.index.get(manifest.config.digest) ? withoutKnownLayers(asked) : asked;
  const config = await fetchConfig(pull, manifest.config, { layerCount: layers.length, lease });
  checkPlatform(config.blob, request);
  const downloads = await startDownloads(pull, { layers, config: config.blob, lease, snapshotter });
  try {
    const unpack = { snapshotter, lease, signal };
    let parent = '';
    for (const [at, layer] of layers.entries()) {
      const { wasThere } = await downloads.done[at]!;
      const id = shortId(layer.digest);
      const bar = { current: layer.size, total: layer.size };
      if (!wasThere) pull.progress(layerProgress(id, 'Extracting', bar));
      parent = await room.unpacker.apply(parent, { descriptor: layer, diffId: config.blob.rootfs.diff_ids[at]! }, unpack);
      if (!wasThere) pull.progress(layerProgress(id, 'Pull complete'));
    }
    const descriptor = await writeManifest(room, { config: config.bytes, layers, manifest: own }, { lease, signal });
    const image = { id: digestOf(config.bytes), config: config.blob, manifest: descriptor, layers };
    return await finish(room, image, { lease, names, snapshotter, signal });
  } catch (error) {
    downloads.stop(error);
    await Promise.allSettled(downloads.done);
    throw error;
  }
}

/** An image that is here already is up to date: Docker does not list its layers. */
function withoutKnownLayers(pull: Pull): Pull {
  return { ...pull, progress: (message) => message.status !== 'Already exists' && pull.progress(message) };
}

async function fetchConfig(
  pull: Pull,
  descriptor: Descriptor,
  { layerCount, lease }: { layerCount: number; lease: string },
): Promise<{ bytes: Buffer; blob: ImageConfigBlob }> {
  const { room, repository, signal } = pull;
  const isImage =
    descriptor.mediaType === mediaTypes.dockerConfig || descriptor.mediaType === mediaTypes.ociConfig || !descriptor.mediaType;
  if (!isImage && descriptor.mediaType !== 'application/octet-stream') {
    throw invalidArgument(`encountered remote "${descriptor.mediaType}"(unknown) when fetching: this is no container image`);
  }
  const have = await hasBlob(room, descriptor, lease);
  const parts: Buffer[] = [];
  let size = 0;
  const source = have ? room.client.readBlob(descriptor.digest, { signal }) : repository.blob(descriptor, 0, signal);
  for await (const part of source) {
    size += part.length;
    if (size > 8 * 1024 * 1024) throw invalidArgument(`image configuration ${descriptor.digest} is too large`);
    parts.push(part);
  }
  const bytes = Buffer.concat(parts);
  if (digestOf(bytes) !== descriptor.digest) throw internal(`image config verification failed for digest ${descriptor.digest}`);
  return { bytes, blob: parseConfig(bytes, layerCount) };
}

function checkPlatform(config: ImageConfigBlob, request: PullRequest): void {
  if (config.os && config.os !== 'linux')
    throw invalidArgument(`image operating system "${config.os}" cannot be used on this platform`);
  if (!request.platform) return;
  const want = parsePlatform(request.platform);
  if (!platformFits(config, want)) {
    throw conflict(
      `image with reference ${request.ref} was found but does not match the specified platform: wanted ${request.platform}, actual: ${config.os}/${config.architecture}`,
    );
  }
}
