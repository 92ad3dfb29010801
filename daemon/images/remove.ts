/*
 * `docker rmi`, rule by rule as Docker has them: a name only untags while others are left; the last one removes the image unless a container uses it; an id
 * needs `force` where several names exist. What hangs on it: dependent children and running containers cannot be forced, the rest can.
 */
import { conflict } from '../errors/error.ts';
import { shortId } from '../lib/id.ts';
import { chainIds } from './chain.ts';
import { type ImageEntry, isDigestName, repositoryOfName } from './image-index.ts';
import { familiarName, normalName, parseReference, withDefaultTag } from './reference.ts';
import { type ImagesRoom, imageEvent } from './room.ts';

/** One line of the answer. */
export type RemovedItem = { Untagged: string } | { Deleted: string };

/** `pruneParents` also removes untagged images that it was committed from (Docker's default, `noprune` turns it off). */
export interface RemoveOptions {
  readonly force?: boolean;
  readonly pruneParents?: boolean;
}

/** Removes a name or an image. Throws notFound, or conflict with Docker's texts; runs `image.preDelete` before an image goes. */
export async function removeImage(
  room: ImagesRoom,
  ref: string,
  { force = false, pruneParents = true }: RemoveOptions,
): Promise<RemovedItem[]> {
  const image = room.index.resolve(ref);
  const items: RemovedItem[] = [];
  if (isIdOf(image, ref)) {
    if (isSingleReference(image.names)) {
      const problem = conflictOf(room, image, { soft: !force, references: false });
      if (problem) throw problem.error;
      // The names go with the image below.
    }
    await removeWhole(room, image, items, { force, pruneParents, quiet: false, references: !isSingleReference(image.names) });
    return items;
  }
  const user = room.users(image.id)[0];
  if (!force && isSingleReference(image.names) && user) {
    throw conflict(
      `conflict: unable to remove repository reference "${ref}" (must force) - container ${shortId(user.containerId)} is using its referenced image ${shortId(image.id)}`,
    );
  }
  const rest = namesAfter(image, ref);
  // The last name goes together with the image, unless something holds the image.
  if (rest.kept.length === 0) {
    const held = conflictOf(room, image, { soft: true, references: false });
    if (!held || (!held.isHard && force)) {
      await removeWhole(room, image, items, { force, pruneParents, quiet: true, references: false });
      return items;
    }
  }
  await untag(room, image, rest.removed, items);
  return items;
}

function isIdOf(image: ImageEntry, ref: string): boolean {
  const hex = ref.startsWith('sha256:') ? ref.slice('sha256:'.length) : ref;
  if (!/^[0-9a-f]+$/.test(hex) || !image.id.startsWith(hex, 'sha256:'.length)) return false;
  return ref.startsWith('sha256:') || !image.tags.includes(`${ref}:latest`);
}

/** No name, one name, or one tag with digests of the same repository. */
function isSingleReference(names: readonly string[]): boolean {
  if (names.length <= 1) return true;
  const tags = names.filter((name) => !isDigestName(name));
  return tags.length <= 1 && new Set(names.map(repositoryOfName)).size === 1;
}

/** What goes with a name: itself, and the digests of its repository when no other tag of that repository is left. */
function namesAfter(image: ImageEntry, ref: string): { removed: string[]; kept: string[] } {
  const reference = parseReference(ref);
  const name = normalName(reference.digest ? { ...reference, tag: undefined } : withDefaultTag(reference));
  const others = image.names.filter((one) => one !== name);
  if (isDigestName(name)) return { removed: [name], kept: others };
  const repository = repositoryOfName(name);
  const isOfRepository = (one: string) => repositoryOfName(one) === repository;
  if (others.some((one) => !isDigestName(one) && isOfRepository(one))) return { removed: [name], kept: others };
  return { removed: [name, ...others.filter(isOfRepository)], kept: others.filter((one) => !isOfRepository(one)) };
}

async function untag(room: ImagesRoom, image: ImageEntry, names: readonly string[], items: RemovedItem[]): Promise<void> {
  await room.store.removeNames(names);
  imageEvent(room, 'untag', { id: image.id, name: image.id }); // one: Docker does not tell of the digests that go with a tag
  for (const name of names) items.push({ Untagged: familiarName(parseReference(name)) });
}

interface Conflict {
  isHard: boolean;
  error: Error;
}

function conflictOf(
  room: ImagesRoom,
  image: ImageEntry,
  { soft, references }: { soft: boolean; references: boolean },
): Conflict | undefined {
  const because = (isHard: boolean, reason: string): Conflict => ({
    isHard,
    error: conflict(
      `conflict: unable to delete ${shortId(image.id)} (${isHard ? 'cannot be forced' : 'must be forced'}) - ${reason}`,
    ),
  });
  if (room.index.childrenOf(image.id).length > 0) return because(true, 'image has dependent child images');
  const users = room.users(image.id);
  const running = users.find((user) => user.running);
  if (running) return because(true, `image is being used by running container ${shortId(running.containerId)}`);
  if (!soft) return undefined;
  if (references && image.names.length > 0) return because(false, 'image is referenced in multiple repositories');
  const stopped = users[0];
  return stopped && because(false, `image is being used by stopped container ${shortId(stopped.containerId)}`);
}

interface WholeOptions {
  force: boolean;
  pruneParents: boolean;
  /** A conflict is no error: the image stays. */
  quiet: boolean;
  /** Names count as a conflict. */
  references: boolean;
}

async function removeWhole(room: ImagesRoom, image: ImageEntry, items: RemovedItem[], options: WholeOptions): Promise<void> {
  const problem = conflictOf(room, image, { soft: !options.force, references: options.references });
  if (problem && options.quiet) return;
  if (problem) throw problem.error;
  const view = { name: image.names[0] ?? image.id, digest: image.manifest.digest, id: image.id };
  await room.hooks.run('image.preDelete', view);
  for (const name of image.names) items.push({ Untagged: familiarName(parseReference(name)) });
  const told = options.quiet ? image.names.slice(0, 1) : image.names; // of a removal by name Docker tells that name alone
  for (const _name of told) imageEvent(room, 'untag', { id: image.id, name: image.id });
  await room.store.remove(image.id);
  room.events.publish({ type: 'image', action: 'delete', id: image.id, attributes: { name: image.id } });
  items.push({ Deleted: image.id });
  const stillUsed = new Set(room.index.all().flatMap((other) => chainIds(other.config.rootfs.diff_ids)));
  for (const chainId of chainIds(image.config.rootfs.diff_ids).reverse())
    if (!stillUsed.has(chainId)) items.push({ Deleted: chainId });
  const parent = options.pruneParents && image.parent ? room.index.get(image.parent) : undefined;
  if (!parent || parent.names.length > 0 || room.users(parent.id).length > 0) return;
  await removeWhole(room, parent, items, { force: false, pruneParents: true, quiet: true, references: true });
}
