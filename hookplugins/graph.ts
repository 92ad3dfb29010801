import { invalidArgument } from '../daemon/errors/error.ts';
import { type RegisteredPlugin, uriOf } from './registry.ts';

/**
 * Orders registrations so that each comes after all registrations of the types it requires: depth-first over `requires`, then order of registration, so the
 * same input always gives the same order. What is disabled is left out first, and nothing fails because of it: a registration that misses it fails when it asks
 * for it. Throws invalidArgument for a cycle, told as a chain.
 */
export function graph(
  registrations: readonly RegisteredPlugin[],
  options: { readonly disabled?: readonly string[] } = {},
): RegisteredPlugin[] {
  const disabled = new Set(options.disabled);
  const present = registrations.filter((one) => one.disable !== true && !disabled.has(uriOf(one)));
  const byType = Map.groupBy(present, (one) => one.type);
  const ordered: RegisteredPlugin[] = [];
  const done = new Set<RegisteredPlugin>();
  const path: RegisteredPlugin[] = [];

  const visit = (one: RegisteredPlugin): void => {
    if (done.has(one)) return;
    const at = path.indexOf(one);
    if (at >= 0) throw invalidArgument(`dependency loop: ${[...path.slice(at), one].map(uriOf).join(' -> ')}`);
    path.push(one);
    for (const type of one.requires) {
      for (const needed of (type === '*' ? present : byType.get(type)) ?? []) if (needed !== one) visit(needed);
    }
    path.pop();
    done.add(one);
    ordered.push(one);
  };
  for (const one of present) visit(one);
  return ordered;
}
