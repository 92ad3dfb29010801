import { fullConfig } from '../lib/full-config.ts';
import { zeroTime } from '../lib/time.ts';
import type { ImageInspect } from '../types/docker/image.ts';
import type { ImageEntry } from './image-index.ts';
import { initKeyOf } from './init-layer.ts';
import type { ImagesRoom } from './room.ts';

/** One row of `GET /images/{name}/history`. `Created` in seconds. */
export interface HistoryItem {
  Id: string;
  Created: number;
  CreatedBy: string;
  Tags: string[] | null;
  Size: number;
  Comment: string;
}

/** Docker's inspect of an image; `GraphDriver` tells the snapshot that containers are put on. */
export function inspectImage(image: ImageEntry, snapshotter: string): ImageInspect {
  const { config } = image;
  const last = config.history?.at(-1);
  return {
    Id: image.id,
    RepoTags: [...image.tags],
    RepoDigests: [...image.repoDigests],
    Parent: image.parent,
    Comment: last?.comment ?? '',
    Created: config.created ?? zeroTime,
    Container: config.container ?? '',
    ContainerConfig: fullConfig(config.container_config ?? {}),
    DockerVersion: config.docker_version ?? '',
    Author: config.author ?? '',
    Config: config.config ? fullConfig(config.config) : null,
    Architecture: config.architecture,
    ...(config.variant ? { Variant: config.variant } : {}),
    Os: config.os,
    Size: image.size,
    VirtualSize: image.size,
    GraphDriver: { Name: snapshotter, Data: { Snapshot: initKeyOf(image.chainId) } },
    RootFS: { Type: 'layers', ...(config.rootfs.diff_ids.length > 0 ? { Layers: config.rootfs.diff_ids } : {}) },
    Metadata: { LastTagTime: image.lastTagTime || zeroTime },
  };
}

/** The steps an image was made by, newest first. Ids are known for the image itself and the images it was committed from, else `<missing>`. */
export async function historyOf(room: ImagesRoom, image: ImageEntry): Promise<HistoryItem[]> {
  const { history = [], rootfs, created } = image.config;
  const sizes = await room.unpacker.layerSizes(rootfs.diff_ids, room.config.snapshotter);
  const steps = history.length > 0 ? history : rootfs.diff_ids.map(() => ({ created, created_by: '' }));
  let layer = 0;
  const rows = steps.map((step) => {
    const isEmpty = 'empty_layer' in step && step.empty_layer === true;
    return {
      Id: '<missing>',
      Created: seconds(step.created),
      CreatedBy: step.created_by ?? '',
      Tags: null as string[] | null,
      Size: isEmpty ? 0 : (sizes[layer++] ?? 0),
      Comment: ('comment' in step ? step.comment : '') ?? '',
    };
  });
  rows.reverse();
  let at: ImageEntry | undefined = image;
  while (at) {
    const row = rows[steps.length - (at.config.history?.length ?? steps.length)];
    if (row) Object.assign(row, { Id: at.id, Tags: at.tags.length > 0 ? [...at.tags] : null });
    at = at.parent ? room.index.get(at.parent) : undefined;
  }
  return rows;
}

/** RFC 3339 as seconds since the epoch; the zero time for nothing. */
export function seconds(time: string | undefined): number {
  const ms = Date.parse(time ?? zeroTime);
  return Number.isNaN(ms) ? 0 : Math.floor(ms / 1000);
}
