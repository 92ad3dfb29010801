/* Uploads to a repository: a blob is mounted from another repository where the registry allows it, else sent as one stream; then the manifest. */
import { internal } from '../../errors/error.ts';
import type { Descriptor } from '../../types/docker/image.ts';
import { discard, type HttpResponse } from './http.ts';
import type { Repository } from './repository.ts';

/** What became of a blob. */
export type UploadOutcome = { kind: 'pushed' } | { kind: 'exists' } | { kind: 'mounted'; from: string };

/** How a blob is sent. `source` is called anew for each try. */
export interface BlobUpload {
  readonly descriptor: Descriptor;
  source(): AsyncIterable<Uint8Array>;
  /** Repositories of the same registry that have it. */
  readonly mountFrom: readonly string[];
  readonly onProgress?: (sentBytes: number) => void;
  readonly signal?: AbortSignal;
}

const tries = 3;

/** Makes sure that the registry has a blob. */
export async function uploadBlob(repository: Repository, upload: BlobUpload): Promise<UploadOutcome> {
  const { digest } = upload.descriptor;
  if (await hasBlob(repository, digest, upload.signal)) return { kind: 'exists' };
  for (const from of upload.mountFrom.filter((one) => one !== repository.path).slice(0, 3)) {
    const response = await begin(repository, { mount: digest, from, signal: upload.signal });
    await discard(response);
    if (response.status === 201) return { kind: 'mounted', from };
    await cancel(repository, response, upload.signal);
  }
  for (let attempt = 1; ; attempt++) {
    try {
      await send(repository, upload);
      return { kind: 'pushed' };
    } catch (error) {
      if (upload.signal?.aborted || attempt === tries || !isTransient(error)) throw error;
    }
  }
}

async function hasBlob(repository: Repository, digest: string, signal?: AbortSignal): Promise<boolean> {
  const path = `/v2/${repository.path}/blobs/${digest}`;
  const response = await repository.endpoint.send({
    method: 'HEAD',
    path,
    scope: pushScope(repository),
    signal,
    accept: [200, 404],
  });
  await discard(response);
  return response.status === 200;
}

/** The token scope for a push (and a mount). */
export function pushScope(repository: Repository, from?: string): string {
  const own = `repository:${repository.path}:pull,push`;
  return from ? `${own} repository:${from}:pull` : own;
}

async function begin(
  repository: Repository,
  { mount, from, signal }: { mount?: string; from?: string; signal?: AbortSignal },
): Promise<HttpResponse> {
  const query = mount && from ? `?mount=${encodeURIComponent(mount)}&from=${encodeURIComponent(from)}` : '';
  return await repository.endpoint.send({
    method: 'POST',
    path: `/v2/${repository.path}/blobs/uploads/${query}`,
    scope: pushScope(repository, from),
    headers: { 'content-length': '0' },
    body: new Uint8Array(0),
    signal,
    accept: [201, 202],
  });
}

async function cancel(repository: Repository, response: HttpResponse, signal?: AbortSignal): Promise<void> {
  const { location } = response.headers;
  if (!location) return;
  const path = new URL(location, response.url);
  await discard(
    await repository.endpoint.send({
      method: 'DELETE',
      path,
      scope: pushScope(repository),
      signal,
      accept: [200, 202, 204, 404, 405],
    }),
  );
}

async function send(repository: Repository, { descriptor, source, onProgress, signal }: BlobUpload): Promise<void> {
  const started = await begin(repository, { signal });
  await discard(started);
  const scope = pushScope(repository);
  try {
    const target = locationOf(started);
    target.searchParams.set('digest', descriptor.digest);
    const headers = { 'content-type': 'application/octet-stream', 'content-length': String(descriptor.size) };
    const body = counted(source(), onProgress);
    const done = await repository.endpoint.send({
      method: 'PUT',
      path: target,
      scope,
      headers,
      body,
      signal,
      accept: [201, 204],
    });
    await discard(done);
  } catch (error) {
    await cancel(repository, started).catch(() => undefined); // the registry drops it after a while by itself
    throw error;
  }
}

async function* counted(
  source: AsyncIterable<Uint8Array>,
  onProgress: ((sent: number) => void) | undefined,
): AsyncGenerator<Uint8Array> {
  let sent = 0;
  for await (const part of source) {
    yield part;
    sent += part.length;
    onProgress?.(sent);
  }
}

function locationOf(response: HttpResponse): URL {
  const { location } = response.headers;
  if (!location) throw internal(`${response.url.href}: the registry did not say where to upload to`);
  return new URL(location, response.url);
}

function isTransient(error: unknown): boolean {
  return /EOF|unexpected status code 5\d\d|i\/o timeout|ECONN|EPIPE|unknown error/.test(String(error));
}

/** Puts a manifest under a tag or a digest. */
export async function putManifest(
  repository: Repository,
  reference: string,
  { bytes, mediaType, signal }: { bytes: Buffer; mediaType: string; signal?: AbortSignal },
): Promise<void> {
  const response = await repository.endpoint.send({
    method: 'PUT',
    path: `/v2/${repository.path}/manifests/${reference}`,
    scope: pushScope(repository),
    headers: { 'content-type': mediaType, 'content-length': String(bytes.length) },
    body: bytes,
    signal,
    accept: [200, 201, 202],
  });
  await discard(response);
}
