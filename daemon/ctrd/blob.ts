// Blobs in containerd's content store. A write is one stream: STAT tells how far an earlier try of the same ref came, WRITEs
// follow with up to `windowBytes` unacknowledged, COMMIT checks size and digest and sets the labels.
import { setTimeout as delay } from 'node:timers/promises';
import { invalidArgument, isKind, messageOf, PouchError } from '../errors/error.ts';
import {
  ContentDefinition,
  WriteAction,
  type WriteContentRequest,
  type WriteContentResponse,
} from '../types/gen/containerd/content.ts';
import type { Channel, DuplexCall, WireMethod } from './channel.ts';
import type { BlobSource, CallOptions, ContainerdClient, Request, WriteBlobOptions, WrittenBlob } from './contract.ts';
import { wireMethod } from './service.ts';

type Content = ContainerdClient['content'];

const windowBytes = 4 * 1024 * 1024;
const chunkBytes = 1024 * 1024; // containerd refuses messages above 16 MiB; its own clients use 1 MiB
const jsonLimitBytes = 8 * 1024 * 1024;

const write = wireMethod(ContentDefinition, ContentDefinition.methods.write) as WireMethod<
  Request<WriteContentRequest>,
  WriteContentResponse
>;

/** See ContainerdClient.writeBlob. */
export async function writeBlob(
  { channel, content }: { channel: Channel; content: Content },
  { ref, ...options }: WriteBlobOptions & { ref: string },
  source: BlobSource,
): Promise<WrittenBlob> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await writeOnce(channel, ref, options, source);
    } catch (error) {
      if (isKind(error, 'alreadyExists') && options.expectedDigest)
        return await existing(content, options.expectedDigest, options);
      // `ref … locked`: another writer has it; when it is done the blob exists, when it left we go on where it stopped.
      if (!isKind(error, 'unavailable') || !/\blocked\b/.test(messageOf(error))) throw error;
      await delay(Math.min(20 * 2 ** attempt, 500), undefined, { signal: options.signal });
    }
  }
}

async function existing(content: Content, digest: string, options: WriteBlobOptions): Promise<WrittenBlob> {
  const call = { signal: options.signal, lease: options.lease, namespace: options.namespace };
  const labels = Object.entries(options.labels ?? {});
  const { info } =
    labels.length === 0
      ? await content.info({ digest }, call)
      : await content.update(
          { info: { digest, labels: options.labels }, updateMask: labels.map(([name]) => `labels.${name}`) },
          call,
        );
  return { digest, size: info?.size ?? options.expectedSize ?? 0, existed: true };
}

async function writeOnce(channel: Channel, ref: string, options: WriteBlobOptions, source: BlobSource): Promise<WrittenBlob> {
  const expected = options.expectedDigest ?? '';
  const total = options.expectedSize ?? 0;
  const call = await channel.duplex(write, options);
  const responses = call.responses[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await responses.next();
    if (done) throw invalidArgument(`containerd ended the write of ${ref} early`);
    return value;
  };
  try {
    await call.send({ action: WriteAction.STAT, ref, total, expected });
    const { offset: taken } = await next();
    const complete = total > 0 && taken >= total; // also what a blob shared by another namespace says
    const start = typeof source === 'function' ? taken : 0;
    const size = complete
      ? taken
      : await send(call, next, { ref, start, options, bytes: typeof source === 'function' ? source(start) : source });
    if (total > 0 && size !== total)
      throw invalidArgument(`unexpected size of ${expected || ref}: ${size} bytes instead of ${total}`);
    await call.send({ action: WriteAction.COMMIT, ref, total: size, expected, offset: size, labels: options.labels ?? {} });
    const { digest } = await next();
    call.end();
    return { digest, size, existed: false };
  } finally {
    call.cancel();
  }
}

interface Transfer {
  ref: string;
  start: number;
  options: WriteBlobOptions;
  bytes: AsyncIterable<Uint8Array>;
}

/** Sends all bytes, reading the acknowledgements as they come; returns the offset behind the last byte. */
async function send(
  call: DuplexCall<Request<WriteContentRequest>, WriteContentResponse>,
  next: () => Promise<WriteContentResponse>,
  { ref, start, options, bytes }: Transfer,
): Promise<number> {
  let offset = start;
  let acknowledged = start;
  let outstanding = 0;
  const acknowledge = async () => {
    const response = await next();
    outstanding--;
    acknowledged = response.offset;
    options.onProgress?.(acknowledged);
  };
  for await (const part of bytes) {
    for (let at = 0; at < part.length; at += chunkBytes) {
      const data = part.subarray(at, at + chunkBytes) as Buffer; // grpc serialises it before it returns to us
      await call.send({ action: WriteAction.WRITE, ref, offset, data });
      outstanding++;
      offset += data.length;
      while (outstanding > 0 && offset - acknowledged > windowBytes) await acknowledge();
    }
  }
  while (outstanding > 0) await acknowledge();
  return offset;
}

/** See ContainerdClient.readBlob. */
export async function* readBlob(
  content: Content,
  digest: string,
  range: { offset?: number; size?: number } & CallOptions = {},
): AsyncGenerator<Buffer> {
  const { offset = 0, size = 0, ...options } = range;
  for await (const { data } of content.read({ digest, offset, size }, options)) yield data;
}

/** See ContainerdClient.readJson. */
export async function readJson<T>(content: Content, digest: string, options?: CallOptions): Promise<T> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of readBlob(content, digest, options)) {
    length += chunk.length;
    if (length > jsonLimitBytes)
      throw new PouchError('tooLarge', `${digest} is larger than ${jsonLimitBytes} bytes and cannot be a manifest or config`);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as T; // unchecked by contract
  } catch (error) {
    throw invalidArgument(`${digest} is not JSON`, error);
  }
}
