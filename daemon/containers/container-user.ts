import { readFile } from 'node:fs/promises';
import { resolveInRoot } from '../lib/root-scope.ts';
import { layersOf, readInLayers } from './layers.ts';
import type { LiveContainer } from './live.ts';
import type { Room } from './room.ts';
import { type ResolvedUser, resolveUser } from './user.ts';

/**
 * Looks up a user in a container's own passwd and group files, running or not; also for exec. Reads the layers without mounting where that can be done.
 */
export async function containerUser(
  room: Pick<Room, 'images'>,
  container: Pick<LiveContainer, 'record'>,
  user: string,
  extraGroups: readonly string[] = [],
): Promise<ResolvedUser> {
  const { id, snapshotter } = container.record;
  const layers = layersOf(await room.images.rootfsMounts(id, snapshotter));
  if (layers) return resolveUser(user, extraGroups, (path) => readInLayers(layers, path));
  return await room.images.withRootfs(id, snapshotter, async (root) => {
    const texts = new Map<string, string | undefined>();
    for (const path of ['/etc/passwd', '/etc/group']) {
      texts.set(path, await readFile(await resolveInRoot(root, path), 'utf8').catch(() => undefined)); // absent is an answer
    }
    return resolveUser(user, extraGroups, (path) => texts.get(path));
  });
}
