import type { LiveContainer } from './live.ts';
import type { Room } from './room.ts';

const width = 8;

/** Runs `work` over all, a few at a time; a failure is logged and does not keep the others from their turn. */
export async function forEach<T>(
  room: Pick<Room, 'log'>,
  items: readonly T[],
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  const queue = [...items];
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
      try {
        await work(item);
      } catch (error) {
        room.log.error('a container could not be brought in line', { what: idOf(item), error });
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, queue.length) }, worker));
}

function idOf(item: unknown): string {
  if (typeof item === 'string') return item;
  if (item !== null && typeof item === 'object' && 'record' in item) return (item as LiveContainer).record.id; // the only items with a record
  return JSON.stringify(item);
}
