/*
 * Reads the tar of `docker save` (also the old form with a folder per layer), of an OCI layout, or both in one, as it streams in: small descriptions stay in
 * memory, everything else goes straight into containerd's content store under the caller's lease. Order of entries does not matter.
 */
import { randomUUID } from 'node:crypto';
import { posix } from 'node:path';
import { Readable } from 'node:stream';
import { extract } from 'tar-stream';
import type { ContainerdClient } from '../ctrd/contract.ts';
import { invalidArgument, isKind, messageOf } from '../errors/error.ts';
import { decompress, peek, sniffCompression } from '../lib/decompress.ts';
import { digestOf } from './chain.ts';
import { storeStream } from './store-stream.ts';

const memoryLimitBytes = 8 * 1024 * 1024;

/** One file of an archive in the content store. */
export interface StoredFile {
  readonly digest: string;
  readonly size: number;
  readonly compression: 'none' | 'gzip' | 'zstd';
}

/** What an archive held. */
export interface Archive {
  /** A JSON description by its path; undefined when there is none. */
  json(path: string): unknown;
  /** The bytes of a small file, from memory or from the content store. */
  bytes(path: string): Promise<Buffer | undefined>;
  /** A file in the content store; links are followed. */
  stored(path: string): StoredFile | undefined;
}

/** Reads a whole archive. Throws invalidArgument for what is no tar, is cut off, or has a blob that is not what its name says. */
export async function readArchive(
  client: ContainerdClient,
  input: AsyncIterable<Uint8Array>,
  { lease, signal }: { lease: string; signal?: AbortSignal },
): Promise<Archive> {
  const small = new Map<string, Buffer>();
  const stored = new Map<string, StoredFile>();
  const links = new Map<string, string>();
  const tar = extract();
  // Errors of the source end the tar, and those of the tar the source; both come out of the loop below.
  const feeding = feed(input, tar);
  feeding.catch(() => undefined);
  const upload = `load-${randomUUID()}`;
  try {
    for await (const entry of tar) {
      signal?.throwIfAborted();
      const { name, type = 'file', size = 0, linkname } = entry.header;
      const path = posix.normalize(name).replace(/^(\.?\/)+/, '');
      const body = entry as AsyncIterable<Buffer>;
      if (type === 'symlink' && linkname) links.set(path, posix.normalize(posix.join(posix.dirname(path), linkname)));
      else if (type === 'link' && linkname) links.set(path, posix.normalize(linkname).replace(/^(\.?\/)+/, ''));
      else if (type === 'file' || type === 'contiguous-file') {
        if (isDescription(path) && size <= memoryLimitBytes) small.set(path, await collect(body));
        else if (isPayload(path))
          stored.set(path, await store(client, body, { ref: `${upload}-${stored.size}`, path, size, lease, signal }));
      }
      entry.resume();
    }
    await feeding;
  } catch (error) {
    tar.destroy();
    await feeding.catch(() => undefined); // the same failure seen from the other side
    if (isKind(error, 'internal') && error instanceof Error && !('kind' in error)) {
      if (signal?.aborted) throw signal.reason;
      throw invalidArgument(`Error processing tar file: ${messageOf(error)}`, error);
    }
    throw error;
  }
  const follow = (path: string): string => {
    let at = path;
    for (let hops = 0; hops < 8 && links.has(at); hops++) at = links.get(at)!;
    return at;
  };
  return {
    json(path) {
      const bytes = small.get(follow(path));
      return bytes && parse(bytes, path);
    },
    async bytes(path) {
      const at = follow(path);
      const file = stored.get(at);
      if (small.has(at) || !file) return small.get(at);
      if (file.size > memoryLimitBytes) throw invalidArgument(`${path} is too large for a description`);
      return await collect(client.readBlob(file.digest, { signal }));
    },
    stored: (path) => stored.get(follow(path)),
  };
}

async function feed(input: AsyncIterable<Uint8Array>, tar: ReturnType<typeof extract>): Promise<void> {
  const source = Readable.from(decompress(input), { objectMode: false });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  source.on('error', (error) => {
    tar.destroy(error);
    reject(error);
  });
  tar.on('close', () => {
    source.destroy();
    resolve();
  });
  source.pipe(tar as unknown as NodeJS.WritableStream); // streamx: compatible with pipe, not in its types
  await promise;
}

function isDescription(path: string): boolean {
  return path === 'oci-layout' || path === 'repositories' || (path.endsWith('.json') && !path.includes('/'));
}

/** `VERSION` and `json` of the old form are not needed. */
function isPayload(path: string): boolean {
  return path.startsWith('blobs/') || /\.tar(\.\w+)?$/.test(path) || path.endsWith('.json');
}

interface StoreOptions {
  ref: string;
  path: string;
  size: number;
  lease: string;
  signal?: AbortSignal;
}

async function store(client: ContainerdClient, body: AsyncIterable<Buffer>, options: StoreOptions): Promise<StoredFile> {
  const { ref, path, size, lease, signal } = options;
  const { head, whole } = await peek(body);
  const compression = sniffCompression(head);
  if (compression === 'xz' || compression === 'bzip2')
    throw invalidArgument(`layer ${path} is packed with ${compression}, which no runtime unpacks`);
  const named = /^blobs\/sha256\/([0-9a-f]{64})$/.exec(path);
  const expectedDigest = named ? `sha256:${named[1]}` : undefined;
  try {
    const written = await storeStream(client, whole, { ref, expectedDigest, lease, signal });
    if (written.size !== size) throw invalidArgument(`${path} is cut off`);
    return { ...written, compression };
  } catch (error) {
    if (isKind(error, 'conflict')) throw invalidArgument(`${path} is damaged: ${messageOf(error)}`, error);
    throw error;
  }
}

async function collect(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of body) parts.push(part);
  return Buffer.concat(parts);
}

function parse(bytes: Buffer, path: string): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw invalidArgument(`invalid archive: ${path} is not JSON (${digestOf(bytes)})`, error);
  }
}
