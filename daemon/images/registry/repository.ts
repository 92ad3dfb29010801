/*
 * One repository at one endpoint: manifests, blobs (from any offset, so that a broken download goes on where it stopped), tags, uploads. Digests are checked here
 * for manifests; blobs are checked by containerd when they are committed.
 */
import { internal, invalidArgument } from '../../errors/error.ts';
import type { Descriptor } from '../../types/docker/image.ts';
import { digestOf } from '../chain.ts';
import { acceptedManifests, manifestTypeOf } from '../media-types.ts';
import type { Endpoint } from './endpoint.ts';
import { readAll } from './http.ts';

/** A manifest as the registry gave it. */
export interface FetchedManifest {
  readonly bytes: Buffer;
  readonly mediaType: string;
  readonly digest: string;
}

/** See above. `path` is the name within the registry: `library/busybox`. */
export class Repository {
  readonly endpoint: Endpoint;
  readonly path: string;
  readonly #pullScope: string;

  constructor(endpoint: Endpoint, path: string) {
    this.endpoint = endpoint;
    this.path = path;
    this.#pullScope = `repository:${path}:pull`;
  }

  /** A manifest by tag or digest; a digest is verified. */
  async manifest(reference: string, signal?: AbortSignal): Promise<FetchedManifest> {
    const response = await this.endpoint.send({
      method: 'GET',
      path: `/v2/${this.path}/manifests/${reference}`,
      scope: this.#pullScope,
      headers: { accept: acceptedManifests },
      signal,
      accept: [200],
    });
    const bytes = await readAll(response);
    const digest = digestOf(bytes);
    if (reference.startsWith('sha256:') && digest !== reference) {
      throw internal(`manifest verification failed for digest ${reference}`);
    }
    const announced = String(response.headers['content-type'] ?? '')
      .split(';')[0]!
      .trim();
    const mediaType = /^application\/vnd\.|json/.test(announced) && announced !== 'application/json' ? announced : typeOf(bytes);
    return { bytes, mediaType, digest };
  }

  /** A blob's bytes from `offset` on. Foreign layers come from their own URLs. */
  async *blob(descriptor: Descriptor, offset = 0, signal?: AbortSignal): AsyncGenerator<Buffer> {
    const path = descriptor.urls?.[0] ? new URL(descriptor.urls[0]) : `/v2/${this.path}/blobs/${descriptor.digest}`;
    const headers: Record<string, string> = offset > 0 ? { range: `bytes=${offset}-` } : {};
    const response = await this.endpoint.send({
      method: 'GET',
      path,
      scope: this.#pullScope,
      headers,
      signal,
      accept: [200, 206],
    });
    let skip = response.status === 206 ? 0 : offset; // a server without ranges sends everything again
    for await (const part of response.body as AsyncIterable<Buffer>) {
      if (skip >= part.length) {
        skip -= part.length;
        continue;
      }
      yield skip > 0 ? part.subarray(skip) : part;
      skip = 0;
    }
    if (!response.body.readableEnded) throw internal(`blob ${descriptor.digest}: unexpected EOF`);
  }

  /** All tags, page by page. */
  async tags(signal?: AbortSignal): Promise<string[]> {
    const found: string[] = [];
    for await (const page of pages(this.endpoint, `/v2/${this.path}/tags/list`, { scope: this.#pullScope, signal })) {
      const { tags } = page as { tags?: string[] | null };
      if (Array.isArray(tags)) found.push(...tags);
    }
    return found;
  }
}

/** JSON answers of a list, following `Link: <…>; rel="next"`. */
export async function* pages(
  endpoint: Endpoint,
  path: string,
  { scope, signal }: { scope: string; signal?: AbortSignal },
): AsyncGenerator<unknown> {
  let next: string | URL | undefined = path;
  for (let page = 0; next !== undefined && page < 1000; page++) {
    const response = await endpoint.send({ method: 'GET', path: next, scope, signal, accept: [200] });
    yield JSON.parse((await readAll(response)).toString('utf8'));
    const link = /<([^>]+)>\s*;[^,]*rel="?next"?/.exec(String(response.headers['link'] ?? ''));
    next = link ? new URL(link[1]!, response.url) : undefined;
  }
}

function typeOf(bytes: Buffer): string {
  try {
    return manifestTypeOf(JSON.parse(bytes.toString('utf8'))) ?? 'application/json';
  } catch (error) {
    throw invalidArgument('the registry sent a manifest that is not JSON', error);
  }
}
