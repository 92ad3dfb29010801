/* `docker load`: see archive.ts for the reading. Images are found through manifest.json (names, layers), index.json (OCI layout), or both: then names come from the first and manifests from the second. */
import { invalidArgument } from '../errors/error.ts';
import { shortId } from '../lib/id.ts';
import type { Descriptor, ImageConfigBlob } from '../types/docker/image.ts';
import { type Archive, readArchive } from './archive.ts';
import { assemble, hasBlob, type Parts, parseConfig, underLease } from './assemble.ts';
import { digestOf } from './chain.ts';
import type { ImageEntry } from './image-index.ts';
import { type IndexBlob, isIndexType, layerType, type ManifestBlob, manifestTypeOf } from './media-types.ts';
import { choosePlatform, hostPlatform, parsePlatform } from './platform.ts';
import { layerProgress, type Progress } from './progress.ts';
import { familiarName, normalName, parseReference, tryParseReference, withDefaultTag } from './reference.ts';
import { type ImagesRoom, imageEvent } from './room.ts';

/** One row of manifest.json. */
interface SavedImage {
  Config: string;
  RepoTags?: string[] | null;
  Layers: string[];
}

interface Candidate {
  parts: Parts;
  names: string[];
}

/** How an archive is loaded. `names` replaces the names in it (for a builder's result). */
export interface LoadOptions {
  readonly quiet?: boolean;
  readonly platform?: string;
  readonly names?: readonly string[];
  /** Takes layers from images that are here already, by diff id, instead of storing them again in another packing. */
  readonly sharesLayers?: boolean;
  /** Changes configurations, and with them the images' ids. */
  readonly rewrite?: (config: ImageConfigBlob) => ImageConfigBlob;
  /** Publishes no `load` event. */
  readonly isSilent?: boolean;
  readonly signal?: AbortSignal;
}

/** Loads all images of an archive. Either each one is there when this returns, or it throws; blobs of a broken archive are gone. */
export async function loadArchive(
  room: ImagesRoom,
  input: AsyncIterable<Uint8Array>,
  progress: Progress,
  options: LoadOptions = {},
): Promise<ImageEntry[]> {
  return await underLease(
    room,
    async (lease) => {
      const archive = await readArchive(room.client, input, { lease, signal: options.signal });
      const candidates = await candidatesOf(archive, options);
      const loaded: ImageEntry[] = [];
      for (const { parts, names } of candidates) {
        if (!options.quiet) tellLayers(parts, progress);
        const own = rewritten(options.sharesLayers ? await shareLayers(room, parts, lease) : parts, options);
        loaded.push(await loadOne(room, { parts: own, names: [...(options.names ?? names)] }, progress, { lease, ...options }));
      }
      return loaded;
    },
    { signal: options.signal },
  );
}

async function loadOne(
  room: ImagesRoom,
  { parts, names }: Candidate,
  progress: Progress,
  options: LoadOptions & { lease: string },
): Promise<ImageEntry> {
  const id = digestOf(parts.config);
  for (const name of names) {
    const old = room.index.byName(name);
    if (old && old.id !== id) {
      const shown = familiarName(parseReference(name));
      progress({ stream: `The image ${shown} already exists, renaming the old one with ID ${old.id} to empty string\n` });
    }
  }
  const image = await assemble(room, parts, { lease: options.lease, names, signal: options.signal });
  if (!options.isSilent) imageEvent(room, 'load', { id: image.id, name: image.id });
  if (names.length === 0) progress({ stream: `Loaded image ID: ${image.id}\n` });
  for (const name of names) progress({ stream: `Loaded image: ${familiarName(parseReference(name))}\n` });
  return image;
}

function rewritten(parts: Parts, { rewrite }: LoadOptions): Parts {
  if (!rewrite) return parts;
  const config = rewrite(parseConfig(parts.config, parts.layers.length));
  return { config: Buffer.from(JSON.stringify(config)), layers: parts.layers };
}

/** The layers that the longest common base of any image here has already. */
async function shareLayers(room: ImagesRoom, parts: Parts, lease: string): Promise<Parts> {
  const diffIds = parseConfig(parts.config, parts.layers.length).rootfs.diff_ids;
  let best: { image: ImageEntry; count: number } | undefined;
  for (const image of room.index.all()) {
    const theirs = image.config.rootfs.diff_ids;
    const differs = diffIds.findIndex((diffId, at) => theirs[at] !== diffId);
    const count = differs < 0 ? diffIds.length : differs;
    if (count > (best?.count ?? 0)) best = { image, count };
  }
  if (!best) return parts;
  const { layers } = await room.client.readJson<ManifestBlob>(best.image.manifest.digest);
  const shared = layers.slice(0, best.count);
  for (const layer of shared) if (!(await hasBlob(room, layer, lease))) return parts; // it is just being removed
  return { config: parts.config, layers: [...shared, ...parts.layers.slice(best.count)] };
}

function tellLayers(parts: Parts, progress: Progress): void {
  const { diff_ids: diffIds } = parseConfig(parts.config, parts.layers.length).rootfs;
  for (const [at, layer] of parts.layers.entries()) {
    progress(layerProgress(shortId(diffIds[at]!), 'Loading layer', { current: layer.size, total: layer.size }));
  }
}

async function candidatesOf(archive: Archive, options: LoadOptions): Promise<Candidate[]> {
  const saved = archive.json('manifest.json');
  const manifests = await ociManifests(archive, options);
  if (saved === undefined) {
    if (manifests.length > 0) return manifests;
    throw invalidArgument('invalid archive: does not contain a manifest.json or an index.json');
  }
  if (!Array.isArray(saved)) throw invalidArgument('invalid archive: manifest.json is no list');
  const byConfig = new Map(manifests.map(({ parts }) => [digestOf(parts.config), parts]));
  const candidates: Candidate[] = [];
  for (const row of saved as SavedImage[]) {
    const config = await archive.bytes(String(row.Config));
    if (!config) throw invalidArgument(`invalid archive: ${row.Config} is missing`);
    const parts = byConfig.get(digestOf(config)) ?? { config, layers: (row.Layers ?? []).map((path) => layerOf(archive, path)) };
    parseConfig(config, parts.layers.length);
    candidates.push({ parts, names: (row.RepoTags ?? []).map((tag) => normalName(withDefaultTag(parseReference(tag)))) });
  }
  return candidates;
}

function layerOf(archive: Archive, path: string): Descriptor {
  const file = archive.stored(path);
  if (!file) throw invalidArgument(`invalid archive: layer ${path} is missing`);
  return { mediaType: layerType('docker', file.compression), digest: file.digest, size: file.size };
}

/** The images of an OCI layout. Manifests whose blobs are not all in the archive are passed over. */
async function ociManifests(archive: Archive, options: LoadOptions): Promise<Candidate[]> {
  const index = archive.json('index.json') as Partial<IndexBlob> | undefined; // checked by use
  const found: Candidate[] = [];
  const seen = new Map<string, Candidate>();
  for (const descriptor of index?.manifests ?? []) {
    const bytes = await resolveManifest(archive, descriptor, options);
    const candidate = bytes && (await candidateOf(archive, bytes));
    if (!candidate) continue;
    const known = seen.get(digestOf(bytes)) ?? candidate;
    if (known === candidate) found.push(candidate);
    seen.set(digestOf(bytes), known);
    const name = nameOf(descriptor.annotations ?? {});
    if (name !== undefined && !known.names.includes(name)) known.names.push(name);
  }
  return found;
}

async function resolveManifest(archive: Archive, descriptor: Descriptor, options: LoadOptions): Promise<Buffer | undefined> {
  const bytes = await archive.bytes(blobPath(descriptor.digest));
  if (!bytes || !isIndexType(descriptor.mediaType)) return bytes;
  const { manifests } = JSON.parse(bytes.toString('utf8')) as IndexBlob;
  const present = manifests.filter((one) => archive.stored(blobPath(one.digest)));
  return await archive.bytes(
    blobPath(choosePlatform(present, options.platform ? parsePlatform(options.platform) : hostPlatform()).digest),
  );
}

async function candidateOf(archive: Archive, bytes: Buffer): Promise<Candidate | undefined> {
  const manifest = JSON.parse(bytes.toString('utf8')) as ManifestBlob;
  const mediaType = manifestTypeOf(manifest);
  if (!mediaType || !manifest.config || !Array.isArray(manifest.layers)) return undefined;
  const config = await archive.bytes(blobPath(manifest.config.digest));
  if (!config || !manifest.layers.every((layer) => archive.stored(blobPath(layer.digest)))) return undefined;
  return { parts: { config, layers: manifest.layers, manifest: { bytes, mediaType } }, names: [] };
}

function blobPath(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`;
}

/** The full name, or a tag alone which names nothing. */
function nameOf(annotations: Record<string, string>): string | undefined {
  const name = annotations['io.containerd.image.name'] ?? annotations['org.opencontainers.image.ref.name'] ?? '';
  if (!/[:/]/.test(name)) return undefined;
  const reference = tryParseReference(name);
  return reference && !reference.digest ? normalName(withDefaultTag(reference)) : undefined;
}
