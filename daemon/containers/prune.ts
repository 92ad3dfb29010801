import { isKind } from '../errors/error.ts';
import { checkFilterKeys, type Filters, lacksLabels, matchesLabels } from '../lib/filters.ts';
import { nowNano, parseRfc3339, parseTimestamp } from '../lib/time.ts';
import { sizes } from './list.ts';
import { remove } from './remove.ts';
import type { Room } from './room.ts';

/** See ContainerLifecycle.prune: removes what does not run and passes the filters. */
export async function prune(
  room: Room,
  filters: Filters = {},
): Promise<{ ContainersDeleted: string[] | null; SpaceReclaimed: number }> {
  checkFilterKeys(filters, ['label', 'label!', 'until']);
  const until = filters['until']?.[0] ? parseTimestamp(filters['until'][0]) : nowNano();
  const ContainersDeleted: string[] = [];
  let SpaceReclaimed = 0;
  for (const container of room.table.all()) {
    const { record } = container;
    if (record.state.Running || container.run.removing) continue;
    if ((parseRfc3339(record.created) ?? 0n) > until) continue;
    if (!matchesLabels(record.config.Labels, filters['label']) || !lacksLabels(record.config.Labels, filters['label!'])) continue;
    try {
      const { SizeRw } = await sizes(room, container);
      await remove(room, container, {});
      SpaceReclaimed += SizeRw;
      ContainersDeleted.push(record.id);
    } catch (error) {
      // Started or removed by someone else meanwhile.
      if (!isKind(error, 'conflict') && !isKind(error, 'notFound')) throw error;
    }
  }
  room.events.publish({ type: 'container', action: 'prune', id: '', attributes: { reclaimed: String(SpaceReclaimed) } });
  return { ContainersDeleted: ContainersDeleted.length > 0 ? ContainersDeleted : null, SpaceReclaimed }; // Go's nil slice
}
