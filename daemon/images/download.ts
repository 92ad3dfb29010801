/* The layers of a pull: announced in their order, downloaded side by side under the daemon's limit, a broken download taken up where it stopped. */
import { setTimeout as delay } from 'node:timers/promises';
import { internal, isKind, messageOf, PouchError } from '../errors/error.ts';
import { shortId } from '../lib/id.ts';
import { mapLimited } from '../lib/map-limited.ts';
import type { Descriptor, ImageConfigBlob } from '../types/docker/image.ts';
import { hasBlob } from './assemble.ts';
import { chainIds } from './chain.ts';
import type { PullRequest } from './contract.ts';
import { layerProgress, type Progress, throttledBar } from './progress.ts';
import type { Repository } from './registry/repository.ts';
import type { ImagesRoom } from './room.ts';

const downloadTries = 5;

/** One pull of one image. */
export interface Pull {
  readonly room: ImagesRoom;
  readonly repository: Repository;
  readonly request: PullRequest;
  readonly progress: Progress;
  readonly signal?: AbortSignal;
}

/** What is downloaded, and where to. */
export interface DownloadOptions {
  layers: readonly Descriptor[];
  config: ImageConfigBlob;
  lease: string;
  snapshotter: string;
}

/** Downloads under way, one for each layer. */
export interface Downloads {
  /** Settles with each layer; `wasThere` when nothing had to be done for it. */
  done: Promise<{ wasThere: boolean }>[];
  stop(reason: unknown): void;
}

/** Tells of all layers in their order, then starts the downloads. */
export async function startDownloads(pull: Pull, options: DownloadOptions): Promise<Downloads> {
  const stopper = new AbortController();
  const signal = pull.signal ? AbortSignal.any([pull.signal, stopper.signal]) : stopper.signal;
  const chain = chainIds(options.config.rootfs.diff_ids);
  const present = await mapLimited(options.layers, 8, (layer, at) =>
    hasLayer(pull.room, layer, { ...options, chainId: chain[at]! }),
  );
  for (const [at, layer] of options.layers.entries()) {
    pull.progress(layerProgress(shortId(layer.digest), present[at] ? 'Already exists' : 'Pulling fs layer'));
  }
  const seen = new Map<string, Promise<{ wasThere: boolean }>>();
  const done = options.layers.map((layer, at) => {
    if (present[at]) return Promise.resolve({ wasThere: true });
    const known = seen.get(layer.digest) ?? download({ ...pull, signal }, layer, options.lease);
    known.catch(() => undefined); // looked at in order
    seen.set(layer.digest, known);
    return known;
  });
  return {
    done,
    stop: (reason) => stopper.abort(reason instanceof Error ? reason : new PouchError('cancelled', 'pull cancelled')),
  };
}

async function download(pull: Pull, layer: Descriptor, lease: string): Promise<{ wasThere: boolean }> {
  const { room, progress, signal } = pull;
  const id = shortId(layer.digest);
  if (room.downloads.isFull) progress(layerProgress(id, 'Waiting'));
  using _place = await room.downloads.acquire(signal);
  const bar = throttledBar(progress, { id, status: 'Downloading', total: layer.size });
  const ref = `layer-${layer.digest}`;
  const source = `containerd.io/distribution.source.${pull.repository.endpoint.host}`;
  const blob = { expectedDigest: layer.digest, expectedSize: layer.size, lease, signal, onProgress: bar };
  // One writer for a blob at a time: who waits and leaves must not drop what another one writes.
  await room.blobs.run(
    layer.digest,
    async () => {
      for (let attempt = 1; ; attempt++) {
        try {
          const labels = { [source]: pull.repository.path };
          await room.client.writeBlob(ref, { ...blob, labels }, (offset) => pull.repository.blob(layer, offset, signal));
          break;
        } catch (error) {
          const isDamaged = isKind(error, 'conflict') || isKind(error, 'invalidArgument');
          if (isDamaged || signal?.aborted || attempt === downloadTries)
            await room.client.content.abort({ ref }).catch(() => undefined); // may be gone
          if (signal?.aborted) throw signal.reason;
          if (isDamaged) throw internal(`filesystem layer verification failed for digest ${layer.digest}`, error);
          if (attempt === downloadTries || !isTransient(error)) throw error;
          progress(layerProgress(id, `Retrying in ${attempt} second${attempt > 1 ? 's' : ''}`));
          await delay(attempt * 1000, undefined, { signal }).catch(() => undefined); // the next try sees it
        }
      }
    },
    signal,
  );
  progress(layerProgress(id, 'Verifying Checksum'));
  progress(layerProgress(id, 'Download complete'));
  return { wasThere: false };
}

async function hasLayer(
  room: ImagesRoom,
  layer: Descriptor,
  { chainId, lease, snapshotter }: { chainId: string; lease: string; snapshotter: string },
): Promise<boolean> {
  return (await hasBlob(room, layer, lease)) && (await room.unpacker.has(chainId, { snapshotter, lease }));
}

function isTransient(error: unknown): boolean {
  return isKind(error, 'internal') && !/connection refused|no such host|certificate|not found/.test(messageOf(error));
}
