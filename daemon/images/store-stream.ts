import { createHash } from 'node:crypto';
import type { ContainerdClient } from '../ctrd/contract.ts';
import { isKind } from '../errors/error.ts';

/** Where a stream goes. */
export interface StoreStreamOptions {
  /** Name of the ingest: unique, it is not taken up again. */
  readonly ref: string;
  /** Verified by containerd where it is known before. */
  readonly expectedDigest?: string;
  readonly lease: string;
  readonly labels?: Record<string, string>;
  readonly signal?: AbortSignal;
}

/** Writes bytes of unknown digest and length to the content store; the same content being there already is fine. What a failure left of it is dropped. */
export async function storeStream(
  client: ContainerdClient,
  source: AsyncIterable<Uint8Array>,
  { ref, ...options }: StoreStreamOptions,
): Promise<{ digest: string; size: number }> {
  const hash = createHash('sha256');
  let size = 0;
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const part of source) {
      hash.update(part);
      size += part.length;
      yield part;
    }
  }
  try {
    const { digest, existed } = await client.writeBlob(ref, options, counted());
    if (existed) for await (const _part of counted()); // the tar that it came from goes on behind it
    return { digest, size };
  } catch (error) {
    // Without a digest to expect, containerd finds out at the end that it has the blob; the lease holds it then as well.
    if (isKind(error, 'alreadyExists')) return { digest: `sha256:${hash.digest('hex')}`, size };
    await client.content.abort({ ref }).catch(() => undefined); // nothing was begun, or the lease's end takes it
    throw error;
  }
}
