import type { ContainerdClient } from '../ctrd/contract.ts';
import type { EventBus } from '../events/contract.ts';
import type { HookCaller } from '../hooks/contract.ts';
import type { KeyedMutex } from '../lib/keyed-mutex.ts';
import type { Logger } from '../lib/log.ts';
import type { Semaphore } from '../lib/semaphore.ts';
import type { ImageUser } from './contract.ts';
import type { ImageIndex } from './image-index.ts';
import type { ImageStore } from './store.ts';
import type { Unpacker } from './unpack.ts';

/** Settings of the room, from the daemon's configuration. */
export interface ImagesConfig {
  /** The default snapshotter. */
  readonly snapshotter: string;
  readonly insecureRegistries: readonly string[];
  readonly registryMirrors: readonly string[];
  readonly maxConcurrentDownloads: number;
  readonly maxConcurrentUploads: number;
}

/** What the room's verbs stand on. */
export interface ImagesRoom {
  readonly client: ContainerdClient;
  readonly events: EventBus;
  readonly hooks: HookCaller;
  readonly log: Logger;
  readonly config: ImagesConfig;
  /** A private folder for mount points and spooled files; emptied at start. */
  readonly workDir: string;
  readonly index: ImageIndex;
  readonly store: ImageStore;
  readonly unpacker: Unpacker;
  /** Places for layer downloads and uploads, shared by all pulls and pushes. */
  readonly downloads: Semaphore;
  readonly uploads: Semaphore;
  /** One writer for each layer blob, by digest. */
  readonly blobs: KeyedMutex;
  /** Who uses an image; the containers room says. */
  users(imageId: string): ImageUser[];
}

/** Publishes one of Docker's image events: `name` and the image's labels are its attributes. */
export function imageEvent(
  room: Pick<ImagesRoom, 'events' | 'index'>,
  action: string,
  { id, name, imageId = id }: { id: string; name: string; imageId?: string },
): void {
  const labels = room.index.get(imageId)?.config.config?.Labels ?? {};
  room.events.publish({ type: 'image', action, id, attributes: { ...labels, name } });
}
