import {
  booleanFilter,
  checkFilterKeys,
  type Filters,
  lacksLabels,
  matchesExact,
  matchesLabels,
  matchesPattern,
} from '../lib/filters.ts';
import type { Volume } from '../types/docker/volume.ts';
import { anonymousLabel, type VolumeRecord } from './record.ts';

/** The test for `GET /volumes`: name is a pattern, label and driver are exact, dangling means that no container names it. Throws invalidArgument for other keys. */
export function listFilter(filters: Filters, isUsed: (name: string) => boolean): (volume: Volume) => boolean {
  checkFilterKeys(filters, ['dangling', 'driver', 'label', 'name']);
  const dangling = booleanFilter(filters, 'dangling');
  return (volume) =>
    (dangling === undefined || isUsed(volume.Name) !== dangling) &&
    matchesExact(volume.Driver, filters['driver']) &&
    matchesLabels(volume.Labels, filters['label']) &&
    matchesPattern(volume.Name, filters['name']);
}

/** Throws invalidArgument for a key that prune does not know. */
export function checkPruneFilters(filters: Filters): void {
  checkFilterKeys(filters, ['all', 'label', 'label!']);
}

/** True for an unused volume that prune takes: one with a generated name unless `all` is true, and with fitting labels. */
export function isPrunable(record: VolumeRecord, filters: Filters): boolean {
  const isAnonymous = record.labels !== null && Object.hasOwn(record.labels, anonymousLabel);
  const wantsAll = booleanFilter(filters, 'all') === true;
  return (
    (isAnonymous || wantsAll) && matchesLabels(record.labels, filters['label']) && lacksLabels(record.labels, filters['label!'])
  );
}
