import { stat } from 'node:fs/promises';
import { resolveInRoot } from '../lib/root-scope.ts';
import { layersOf, resolveInLayers } from './layers.ts';
import type { Room } from './room.ts';

/** Fills fresh volumes from what the image has at their places. The root is mounted only when the image has something there. */
export async function copyUp(
  room: Pick<Room, 'images' | 'volumes'>,
  root: { id: string; snapshotter: string },
  places: { volume: string; destination: string }[],
): Promise<void> {
  if (places.length === 0) return;
  const layers = layersOf(await room.images.rootfsMounts(root.id, root.snapshotter));
  const filled = layers ? places.filter(({ destination }) => resolveInLayers(layers, destination) !== undefined) : places;
  if (filled.length === 0) return;
  await room.images.withRootfs(root.id, root.snapshotter, async (mounted) => {
    for (const { volume, destination } of filled) {
      const source = await resolveInRoot(mounted, destination);
      if ((await stat(source).catch(() => undefined))?.isDirectory()) await room.volumes.populate(volume, source);
    }
  });
}
