import { conflict, invalidArgument, messageOf } from '../errors/error.ts';
import type { LiveContainer } from './live.ts';
import { checkName } from './names.ts';
import type { Room } from './room.ts';

/** See ContainerLifecycle.rename. */
export async function rename(room: Room, container: LiveContainer, name: string): Promise<void> {
  if (name === '') throw invalidArgument('Neither old nor new names may be empty');
  const next = checkName(name);
  await room.table.locked(container, async () => {
    const { record } = container;
    const old = record.name;
    if (old === next) throw invalidArgument('Renaming a container with the same name as its current name');
    try {
      room.table.reserve(next, record.id);
    } catch (error) {
      throw conflict(`Error when allocating new name: ${messageOf(error)}`, error);
    }
    record.name = next;
    try {
      room.networks.rename(record.id, next);
      room.table.save(container);
    } catch (error) {
      record.name = old;
      room.table.release(next, record.id);
      throw error;
    }
    room.table.release(old, record.id);
    room.table.event(container, 'rename', { oldName: `/${old}` });
  });
}
