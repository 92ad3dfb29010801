import { invalidArgument } from '../errors/error.ts';
import { booleanFilter, checkFilterKeys, type Filters, lacksLabels, matchesLabels } from '../lib/filters.ts';
import { globMatches } from '../lib/glob.ts';
import { parseTimestamp } from '../lib/time.ts';
import type { ImageSummary } from '../types/docker/image.ts';
import { chainIds } from './chain.ts';
import type { ImageEntry } from './image-index.ts';
import { seconds } from './inspect.ts';
import { familiarName, familiarRepository, parseReference } from './reference.ts';
import type { ImagesRoom } from './room.ts';

const listFilters = ['dangling', 'label', 'label!', 'before', 'since', 'reference', 'until'];

/** What `summaries` is asked for. */
export interface ListOptions {
  readonly all?: boolean;
  readonly filters?: Filters;
  /** Tells what each image shares with others, and how many containers use it. */
  readonly sharedSize?: boolean;
}

/** Rows of `docker images`, newest first, with Docker's filters. Throws invalidArgument for a filter that Docker does not know. */
export async function listImages(room: ImagesRoom, options: ListOptions): Promise<ImageSummary[]> {
  const filters = options.filters ?? {};
  checkFilterKeys(filters, listFilters);
  const wanted = matcher(room, filters);
  const rows: ImageSummary[] = [];
  const shared = options.sharedSize ? await sharedSizes(room) : undefined;
  for (const image of room.index.all()) {
    if (!wanted(image)) continue;
    const row = summaryOf(room, image, options);
    if (!row) continue;
    if (shared) {
      row.SharedSize = shared.get(image.id) ?? 0;
      row.Containers = room.users(image.id).length;
    }
    rows.push(row);
  }
  return rows.sort((a, b) => b.Created - a.Created || (a.Id < b.Id ? -1 : 1));
}

/** Everything that a filter says about whole images; `reference` and `dangling` also choose among names, see `summaryOf`. */
function matcher(room: ImagesRoom, filters: Filters): (image: ImageEntry) => boolean {
  const moment = (key: 'before' | 'since') => {
    const times = (filters[key] ?? []).map((ref) => createdMs(room.index.resolve(ref)));
    return times.length === 0 ? undefined : key === 'before' ? Math.min(...times) : Math.max(...times);
  };
  const before = moment('before');
  const since = moment('since');
  const until = untilMs(filters);
  return (image) => {
    const created = createdMs(image);
    if (before !== undefined && !(created < before)) return false;
    if (since !== undefined && !(created > since)) return false;
    if (until !== undefined && created > until) return false;
    const labels = image.config.config?.Labels;
    return matchesLabels(labels, filters['label']) && lacksLabels(labels, filters['label!']);
  };
}

/** The `until` filter in milliseconds. Docker takes one value only. */
export function untilMs(filters: Filters): number | undefined {
  const values = filters['until'] ?? [];
  if (values.length === 0) return undefined;
  if (values.length > 1) throw invalidArgument('more than one until filter specified');
  return Number(parseTimestamp(values[0]!) / 1_000_000n);
}

/** When the image was made, in milliseconds. */
export function createdMs(image: ImageEntry): number {
  const ms = Date.parse(image.config.created ?? '');
  return Number.isNaN(ms) ? 0 : ms;
}

function summaryOf(room: ImagesRoom, image: ImageEntry, { all, filters = {} }: ListOptions): ImageSummary | undefined {
  const patterns = filters['reference'] ?? [];
  const dangling = booleanFilter(filters, 'dangling');
  const chosen = (names: readonly string[]) =>
    patterns.length === 0 ? [...names] : names.filter((name) => matchesReference(name, patterns));
  let RepoTags = chosen(image.tags);
  let RepoDigests = chosen(image.repoDigests);
  if (RepoTags.length === 0 && RepoDigests.length === 0) {
    if (patterns.length > 0 || dangling === false) return undefined;
    if (!all && room.index.childrenOf(image.id).length > 0) return undefined; // an intermediate image
    RepoTags = ['<none>:<none>'];
    RepoDigests = ['<none>@<none>'];
  } else if (dangling === true) {
    return undefined;
  }
  return {
    Id: image.id,
    ParentId: image.parent,
    RepoTags,
    RepoDigests,
    Created: seconds(image.config.created),
    Size: image.size,
    SharedSize: -1,
    VirtualSize: image.size,
    Labels: image.config.config?.Labels ?? null,
    Containers: -1,
  };
}

/** Docker's FamiliarMatch: a shell pattern that fits the whole familiar name or its repository. */
function matchesReference(name: string, patterns: readonly string[]): boolean {
  const repository = familiarRepository(parseReference(name));
  return patterns.some(
    (pattern) => globMatches(pattern, name) || globMatches(pattern, repository) || globMatches(familiar(pattern), name),
  );
}

/** A pattern that is itself a full name (`docker.io/library/busybox`) fits its familiar form. */
function familiar(pattern: string): string {
  try {
    return familiarName(parseReference(pattern));
  } catch {
    return pattern;
  }
}

/** Image id -> bytes of its layers that another image has too. */
async function sharedSizes(room: ImagesRoom): Promise<Map<string, number>> {
  const owners = new Map<string, string[]>();
  const sizes = new Map<string, number>();
  for (const image of room.index.all()) {
    const diffIds = image.config.rootfs.diff_ids;
    const layerSizes = await room.unpacker.layerSizes(diffIds, room.config.snapshotter);
    for (const [at, chainId] of chainIds(diffIds).entries()) {
      owners.set(chainId, [...(owners.get(chainId) ?? []), image.id]);
      sizes.set(chainId, layerSizes[at] ?? 0);
    }
  }
  const shared = new Map<string, number>();
  for (const [chainId, ids] of owners) {
    if (ids.length < 2) continue;
    for (const id of ids) shared.set(id, (shared.get(id) ?? 0) + (sizes.get(chainId) ?? 0));
  }
  return shared;
}

/** Bytes of all layers, each counted once: `LayersSize` of `system df`. */
export async function layersSize(room: ImagesRoom): Promise<number> {
  const seen = new Map<string, number>();
  for (const image of room.index.all()) {
    const sizes = await room.unpacker.layerSizes(image.config.rootfs.diff_ids, room.config.snapshotter);
    for (const [at, chainId] of chainIds(image.config.rootfs.diff_ids).entries()) seen.set(chainId, sizes[at] ?? 0);
  }
  return [...seen.values()].reduce((sum, size) => sum + size, 0);
}
