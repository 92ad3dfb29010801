import { invalidArgument } from '../daemon/errors/error.ts';

/** Where a plugin stands among those of its kind. Names are plugin ids or package names; a name that is not there matters only in `requires`. */
export interface OrderHints {
  readonly before?: readonly string[];
  readonly after?: readonly string[];
  /** Higher comes earlier; 0 when not given. `before`, `after` and `requires` win over it. */
  readonly priority?: number;
  /** Comes after these, which must be there. */
  readonly requires?: readonly string[];
}

/** What is ordered. */
export interface Orderable extends OrderHints {
  readonly id: string;
  /** Name of its package. */
  readonly package: string;
}

/**
 * The order of calls: by priority, then as recorded, then moved as little as the hints ask. Throws invalidArgument for a required plugin that is not there and for a cycle,
 * told as a chain (`a -> b -> a`, read: a before b before a). `everyone` is where `requires` looks; it defaults to `items`.
 */
export function orderPlugins<T extends Orderable>(items: readonly T[], everyone: readonly Orderable[] = items): T[] {
  const named = (name: string) => items.filter((one) => one.id === name || one.package === name);
  const later = new Map<T, Set<T>>(items.map((one) => [one, new Set<T>()])); // from each to those that come after it
  for (const one of items) {
    for (const name of one.before ?? []) for (const other of named(name)) if (other !== one) later.get(one)?.add(other);
    for (const name of [...(one.after ?? []), ...(one.requires ?? [])])
      for (const other of named(name)) if (other !== one) later.get(other)?.add(one);
    for (const name of one.requires ?? []) {
      if (!everyone.some((other) => other.id === name || other.package === name)) {
        throw invalidArgument(`plugin ${one.id} of package ${one.package} requires plugin ${name}, which is not there`);
      }
    }
  }
  const waiting = items.toSorted((a, b) => (b.priority ?? 0) - (a.priority ?? 0)); // toSorted is stable
  const ordered: T[] = [];
  while (waiting.length > 0) {
    const next = waiting.findIndex((one) => !waiting.some((other) => other !== one && later.get(other)?.has(one)));
    if (next < 0)
      throw invalidArgument(
        `plugin order has a cycle: ${chainOf(waiting, later)
          .map((one) => one.id)
          .join(' -> ')}`,
      );
    ordered.push(...waiting.splice(next, 1));
  }
  return ordered;
}

/** A cycle among `items`, each of which has one before it that is also in `items`: walked backwards until one comes again. */
function chainOf<T>(items: readonly T[], later: ReadonlyMap<T, ReadonlySet<T>>): T[] {
  const path: T[] = [];
  let at: T | undefined = items[0];
  while (at !== undefined && !path.includes(at)) {
    const here: T = at;
    path.unshift(here);
    at = items.find((other) => other !== here && later.get(other)?.has(here));
  }
  const end = at === undefined ? path.length : path.indexOf(at) + 1;
  return at === undefined ? path : [at, ...path.slice(0, end)];
}
