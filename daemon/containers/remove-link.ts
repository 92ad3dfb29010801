import { invalidArgument } from '../errors/error.ts';
import type { Room } from './room.ts';

/** `docker rm --link /web/db`: takes the link `db` of `web` away, keeps both containers. */
export function removeLink(room: Room, ref: string): void {
  const parts = ref.replace(/^\//, '').split('/');
  const [parent = '', alias = ''] = parts;
  if (parts.length !== 2 || parent === '' || alias === '')
    throw invalidArgument(
      room.table.resolve(ref) && 'Conflict, cannot remove the default link name of the container', // an unknown one is 404
    );
  const container = room.table.resolve(parent);
  const { hostConfig } = container.record;
  const kept = (hostConfig.Links ?? []).filter((link) => {
    const [name = '', given] = link.split(':');
    return (given?.slice(given.lastIndexOf('/') + 1) || name) !== alias;
  });
  if (kept.length === (hostConfig.Links ?? []).length)
    throw invalidArgument(`Could not get parent ${parent} for an alias ${alias}`);
  hostConfig.Links = kept;
  room.table.save(container);
}
