import { randomUUID } from 'node:crypto';
import { decompress } from '../lib/decompress.ts';
import { nowText } from '../lib/time.ts';
import { engineVersion } from '../lib/version.ts';
import type { ImageConfigBlob } from '../types/docker/image.ts';
import { assemble, underLease } from './assemble.ts';
import { applyChanges } from './changes.ts';
import type { ImageEntry } from './image-index.ts';
import { mediaTypes } from './media-types.ts';
import { hostPlatform, parsePlatform } from './platform.ts';
import { normalName, parseReference, withDefaultTag } from './reference.ts';
import { type ImagesRoom, imageEvent } from './room.ts';
import { storeStream } from './store-stream.ts';

/** What `docker import` is told beside the tar. */
export interface ImportOptions {
  readonly ref?: string;
  readonly message?: string;
  readonly changes?: readonly string[];
  readonly platform?: string;
  /** Where the tar came from, for the history; `-` for an upload. */
  readonly source: string;
  readonly signal?: AbortSignal;
}

/** Makes an image of one layer from the tar of a root file system, packed or plain. */
export async function importImage(
  room: ImagesRoom,
  input: AsyncIterable<Uint8Array>,
  options: ImportOptions,
): Promise<ImageEntry> {
  const names = options.ref ? [normalName(withDefaultTag(parseReference(options.ref)))] : [];
  const config = applyChanges({}, options.changes ?? []);
  const platform = options.platform ? parsePlatform(options.platform) : hostPlatform();
  const image = await underLease(
    room,
    async (lease) => {
      const { signal } = options;
      const { digest, size } = await storeStream(room.client, decompress(input), {
        ref: `import-${randomUUID()}`,
        lease,
        signal,
      });
      const created = nowText();
      const blob: ImageConfigBlob = {
        created,
        architecture: platform.architecture,
        ...(platform.variant && platform.architecture !== 'arm64' ? { variant: platform.variant } : {}),
        os: platform.os,
        docker_version: engineVersion,
        config,
        rootfs: { type: 'layers', diff_ids: [digest] },
        history: [{ created, comment: options.message || `Imported from ${options.source}` }],
      };
      const layers = [{ mediaType: mediaTypes.dockerLayer, digest, size }];
      return await assemble(room, { config: Buffer.from(JSON.stringify(blob)), layers }, { lease, names, signal });
    },
    { signal: options.signal },
  );
  if (options.ref) imageEvent(room, 'tag', { id: image.id, name: options.ref });
  imageEvent(room, 'import', { id: image.id, name: image.id });
  return image;
}
