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

/** A volume whose content is a folder of the daemon's: what prune and `system df` are about. */
export function isPlain(driver: string, options: Record<string, string> | null): boolean {
  return driver === 'local' && Object.keys(options ?? {}).length === 0;
}

/** Throws invalidArgument for a key that prune does not know. */
export function checkPruneFilters(filters: Filters): void {
  checkFilterKeys(filters, ['all', 'label', 'label!']);
}

/** True for an unused volume that prune takes: a local one without driver options, with a generated name unless `all` is true, and with fitting labels. */
export function isPrunable(record: VolumeRecord, filters: Filters): boolean {
  const isAnonymous = record.labels !== null && Object.hasOwn(record.labels, anonymousLabel);
  const wantsAll = booleanFilter(filters, 'all') === true;
  if (!isPlain(record.driver, record.options)) return false; // Docker leaves them alone
  return (
    (isAnonymous || wantsAll) && matchesLabels(record.labels, filters['label']) && lacksLabels(record.labels, filters['label!'])
  );
}
