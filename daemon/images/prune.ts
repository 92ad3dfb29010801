import { isKind } from '../errors/error.ts';
import { booleanFilter, checkFilterKeys, type Filters, lacksLabels, matchesLabels } from '../lib/filters.ts';
import { chainIds } from './chain.ts';
import type { ImageEntry } from './image-index.ts';
import { createdMs, untilMs } from './list.ts';
import { type RemovedItem, removeImage } from './remove.ts';
import type { ImagesRoom } from './room.ts';

/** How many images below this one are here. */
function depthOf(room: ImagesRoom, image: ImageEntry): number {
  let depth = 0;
  for (let at = room.index.get(image.parent); at; at = room.index.get(at.parent)) depth += 1;
  return depth;
}

/** Removes images that no container uses: dangling ones, or with the filter `dangling=false` all. Bytes are those of layers that no image has any more. */
export async function pruneImages(
  room: ImagesRoom,
  filters: Filters = {},
): Promise<{ ImagesDeleted: RemovedItem[] | null; SpaceReclaimed: number }> {
  checkFilterKeys(filters, ['dangling', 'label', 'label!', 'until']);
  const danglingOnly = booleanFilter(filters, 'dangling') ?? true;
  const until = untilMs(filters);
  const sizes = new Map<string, number>();
  const items: RemovedItem[] = [];
  // Children first, whatever their order here; a parent may go once they are gone.
  const byDepth = room.index.all().sort((a, b) => depthOf(room, b) - depthOf(room, a));
  for (const image of byDepth) {
    const labels = image.config.config?.Labels;
    if (!room.index.get(image.id)) continue; // went with its child
    if (room.users(image.id).length > 0 || room.index.childrenOf(image.id).length > 0) continue;
    if (danglingOnly && image.names.length > 0) continue;
    if (until !== undefined && createdMs(image) > until) continue;
    if (!matchesLabels(labels, filters['label']) || !lacksLabels(labels, filters['label!'])) continue;
    const layerSizes = await room.unpacker.layerSizes(image.config.rootfs.diff_ids, room.config.snapshotter);
    for (const [at, chainId] of chainIds(image.config.rootfs.diff_ids).entries()) sizes.set(chainId, layerSizes[at] ?? 0);
    try {
      // One by one, by name: an image that got a user meanwhile stays.
      const refs = image.names.length > 0 ? image.tags.concat(image.repoDigests) : [image.id];
      for (const ref of refs) if (room.index.find(ref)) items.push(...(await removeImage(room, ref, {})));
    } catch (error) {
      if (!isKind(error, 'conflict') && !isKind(error, 'notFound')) throw error;
    }
  }
  const bytes = items.reduce((sum, item) => sum + ('Deleted' in item ? (sizes.get(item.Deleted) ?? 0) : 0), 0);
  room.events.publish({ type: 'image', action: 'prune', id: '', attributes: { reclaimed: String(bytes) } });
  return { ImagesDeleted: items.length > 0 ? items : null, SpaceReclaimed: bytes };
}
