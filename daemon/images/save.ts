/*
 * `docker save`: one tar that is an OCI layout (index.json, blobs/) and Docker's own format (manifest.json, repositories) at once, as Docker 25 and later write it.
 * Blobs are sent as they are stored; the same images give the same bytes.
 */
import { Readable } from 'node:stream';
import { pack } from 'tar-stream';
import { notFound } from '../errors/error.ts';
import type { Descriptor } from '../types/docker/image.ts';
import type { ImageEntry } from './image-index.ts';
import { type ManifestBlob, mediaTypes } from './media-types.ts';
import {
  familiarName,
  familiarRepository,
  normalName,
  parseReference,
  type Reference,
  tryParseReference,
  withDefaultTag,
} from './reference.ts';
import { type ImagesRoom, imageEvent } from './room.ts';

interface Chosen {
  image: ImageEntry;
  manifest: Descriptor;
  tags: Reference[];
}

/** The archive of some images by name or id; a repository without a tag means all its tags. Throws notFound before the first byte. */
export async function saveImages(room: ImagesRoom, refs: readonly string[], signal?: AbortSignal): Promise<Readable> {
  const chosen = choose(room, refs);
  const blobs = new Map<string, number>();
  const rows: { Config: string; RepoTags: string[] | null; Layers: string[] }[] = [];
  const index: Descriptor[] = [];
  const repositories: Record<string, Record<string, string>> = {};
  for (const { image, manifest, tags } of chosen) {
    const { config, layers } = await room.client.readJson<ManifestBlob>(manifest.digest, { signal });
    for (const one of [manifest, config, ...layers]) blobs.set(one.digest, await sizeOf(room, one, signal));
    rows.push({
      Config: blobPath(config.digest),
      RepoTags: tags.length > 0 ? tags.map(familiarName) : null,
      Layers: layers.map((layer) => blobPath(layer.digest)),
    });
    const { mediaType, digest, size } = manifest;
    if (tags.length === 0) index.push({ mediaType, digest, size });
    for (const tag of tags) {
      const annotations = { 'io.containerd.image.name': normalName(tag), 'org.opencontainers.image.ref.name': tag.tag! };
      index.push({ mediaType, digest, size, annotations });
      const repository = familiarRepository(tag);
      const top = layers.at(-1)?.digest ?? image.id;
      repositories[repository] = { ...repositories[repository], [tag.tag!]: top.slice('sha256:'.length) };
    }
  }
  for (const { image } of chosen) imageEvent(room, 'save', { id: image.id, name: image.id });
  const files = {
    'index.json': { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: index },
    'manifest.json': rows,
    'oci-layout': { imageLayoutVersion: '1.0.0' },
    ...(Object.keys(repositories).length > 0 ? { repositories } : {}),
  };
  return write(room, blobs, { files, signal });
}

function choose(room: ImagesRoom, refs: readonly string[]): Chosen[] {
  const chosen = new Map<string, Chosen>();
  const add = (image: ImageEntry, tag?: Reference) => {
    const one = chosen.get(image.id) ?? { image, manifest: image.manifest, tags: [] };
    if (tag && !one.tags.some((other) => normalName(other) === normalName(tag))) one.tags.push(tag);
    chosen.set(image.id, one);
  };
  for (const ref of refs) {
    const reference = tryParseReference(ref);
    const exact = reference && !reference.digest ? room.index.byName(normalName(withDefaultTag(reference))) : undefined;
    if (reference && !reference.tag && !reference.digest) {
      const all = tagsIn(room, reference);
      for (const { image, tag } of all) add(image, tag);
      if (all.length > 0) continue;
    }
    if (exact && reference) add(exact, withDefaultTag(reference));
    else add(room.index.resolve(ref));
  }
  if (chosen.size === 0) throw notFound('No such image');
  return [...chosen.values()];
}

function tagsIn(room: ImagesRoom, repository: Reference): { image: ImageEntry; tag: Reference }[] {
  return room.index.all().flatMap((image) =>
    image.tags
      .map((name) => parseReference(name))
      .filter((tag) => tag.domain === repository.domain && tag.path === repository.path)
      .map((tag) => ({ image, tag })),
  );
}

async function sizeOf(room: ImagesRoom, { digest }: Descriptor, signal?: AbortSignal): Promise<number> {
  const { info } = await room.client.content.info({ digest }, { signal });
  return info?.size ?? 0;
}

function blobPath(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`;
}

function write(
  room: ImagesRoom,
  blobs: ReadonlyMap<string, number>,
  { files, signal }: { files: Record<string, unknown>; signal?: AbortSignal },
): Readable {
  const tar = pack();
  const epoch = new Date(0);
  // Whoever leaves in the middle closes the tar; nothing may wait for its entries then.
  const closed = new Promise<void>((resolve) => void tar.once('close', resolve));
  const fill = async () => {
    for (const name of ['blobs/', 'blobs/sha256/']) tar.entry({ name, type: 'directory', mode: 0o755, mtime: epoch });
    for (const [digest, size] of [...blobs].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const entry = tar.entry({ name: blobPath(digest), size, mode: 0o644, mtime: epoch });
      const finished = new Promise<void>((resolve, reject) => void entry.once('finish', resolve).once('error', reject));
      finished.catch(() => undefined); // awaited below, unless the tar is closed before
      for await (const part of room.client.readBlob(digest, { signal })) {
        if (!entry.write(part)) await Promise.race([new Promise<void>((resolve) => void entry.once('drain', resolve)), closed]);
        if (tar.destroyed) return;
      }
      entry.end(undefined);
      await Promise.race([finished, closed]);
      if (tar.destroyed) return;
    }
    for (const [name, value] of Object.entries(files)) tar.entry({ name, mode: 0o644, mtime: epoch }, JSON.stringify(value));
    tar.finalize();
  };
  fill().catch((error: unknown) => tar.destroy(error instanceof Error ? error : new Error(String(error))));
  return Readable.from(tar as AsyncIterable<Buffer>, { objectMode: false });
}
