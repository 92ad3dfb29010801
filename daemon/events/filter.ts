import { matchesExact, matchesLabels } from '../lib/filters.ts';
import type { EventMessage } from '../types/docker/event.ts';

/** Keys that `GET /events` accepts in its filters. */
export const eventFilterKeys = [
  'config',
  'container',
  'daemon',
  'event',
  'image',
  'label',
  'network',
  'node',
  'plugin',
  'scope',
  'secret',
  'service',
  'type',
  'volume',
];

/** Docker's rules: a test per event, made once per subscription. Undefined when there is nothing to filter. */
export function eventFilter(
  filters: Readonly<Record<string, string[]>> | undefined,
): ((event: EventMessage) => boolean) | undefined {
  if (!filters || !Object.values(filters).some((values) => values.length > 0)) return undefined;
  const named = (['container', 'daemon', 'network', 'plugin', 'volume', 'config', 'node', 'secret', 'service'] as const).filter(
    (key) => filters[key]?.length,
  );
  return (event) =>
    matchesAction(event.Action, filters['event']) &&
    matchesExact(event.Type, filters['type']) &&
    matchesExact(event.scope, filters['scope']) &&
    matchesLabels(event.Actor.Attributes, filters['label']) &&
    matchesImage(event, filters['image']) &&
    named.every((key) => event.Type === key && matchesStart([event.Actor.ID, event.Actor.Attributes['name']], filters[key]));
}

/** `exec_create` without a colon also finds `exec_create: ls -l`; the same for exec_start and health_status. */
function matchesAction(action: string, wanted: readonly string[] | undefined): boolean {
  if (matchesExact(action, wanted)) return true;
  return (
    wanted?.some((one) => ['exec_create', 'exec_start', 'health_status'].includes(one) && action.startsWith(`${one}: `)) ?? false
  );
}

function matchesStart(values: readonly (string | undefined)[], wanted: readonly string[] | undefined): boolean {
  return wanted?.some((one) => values.some((value) => value?.startsWith(one))) ?? true;
}

function matchesImage(event: EventMessage, wanted: readonly string[] | undefined): boolean {
  if (!wanted?.length) return true;
  const name = event.Actor.Attributes[event.Type === 'image' ? 'name' : 'image'] ?? '';
  return [event.Actor.ID, name].some((value) => value !== '' && (wanted.includes(value) || wanted.includes(withoutTag(value))));
}

/** `repo:tag` without its tag; a port in a host name stays. */
function withoutTag(name: string): string {
  const at = name.lastIndexOf(':');
  return at > name.lastIndexOf('/') ? name.slice(0, at) : name;
}
