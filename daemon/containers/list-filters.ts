import { invalidArgument } from '../errors/error.ts';
import { booleanFilter, type Filters, matchesExact, matchesLabels, matchesPattern } from '../lib/filters.ts';
import type { ContainerState, PortSummary } from '../types/docker/container.ts';
import type { LiveContainer } from './live.ts';
import { parsePort, portRows, shownPorts } from './ports.ts';
import type { Room } from './room.ts';

/** Filter keys that the list takes. */
export const listFilterKeys = [
  'id',
  'name',
  'label',
  'status',
  'exited',
  'ancestor',
  'before',
  'since',
  'volume',
  'network',
  'publish',
  'expose',
  'health',
  'isolation',
  'is-task',
] as const;

const statuses: readonly string[] = [
  'created',
  'restarting',
  'running',
  'removing',
  'paused',
  'exited',
  'dead',
] satisfies ContainerState['Status'][];
const healths = ['starting', 'healthy', 'unhealthy', 'none'];

/** A test of containers, made once a request. Throws invalidArgument for values that are none, notFound for unknown `before` and `since`. */
export function listFilter(
  room: Pick<Room, 'table' | 'images' | 'networks'>,
  filters: Filters,
): (container: LiveContainer) => boolean {
  for (const status of filters['status'] ?? []) {
    if (!statuses.includes(status)) throw invalidArgument(`invalid filter 'status=${status}'`);
  }
  for (const health of filters['health'] ?? []) {
    if (!healths.includes(health)) throw invalidArgument(`Unrecognised filter value for health: ${health}`);
  }
  const exited = filters['exited']?.map((code) => {
    if (!/^-?\d+$/.test(code)) throw invalidArgument(`invalid filter 'exited=${code}'`);
    return Number(code);
  });
  const isTask = booleanFilter(filters, 'is-task') === true; // nothing here is one of a swarm
  const created = (refs: string[] | undefined) => refs?.map((ref) => room.table.resolve(ref).record.created);
  const before = created(filters['before']);
  const since = created(filters['since']);
  const ancestors = filters['ancestor']?.map((ref) => room.images.find(ref)?.id ?? ref);
  const networks = filters['network']?.map((ref) => room.networks.find(ref)?.name ?? ref);
  const isPublished = portTest(filters['publish']);
  const isExposed = portTest(filters['expose']);

  return (container) => {
    const { record } = container;
    return (
      idMatches(record.id, filters['id']) &&
      matchesPattern(
        record.name,
        filters['name']?.map((name) => name.replace(/^(\^?)\//, '$1')),
      ) &&
      matchesLabels(record.config.Labels, filters['label']) &&
      matchesExact(record.state.Status, filters['status']) &&
      matchesExact(record.state.Health?.Status ?? 'none', filters['health']) &&
      (!exited || (exited.includes(record.state.ExitCode) && !record.state.Running && record.hasBeenStartedBefore)) &&
      (!before || before.every((time) => record.created < time)) &&
      (!since || since.every((time) => record.created > time)) &&
      (!ancestors || ancestors.includes(record.imageId)) &&
      (!networks || networks.some((name) => name in record.networks)) &&
      volumeMatches(container, filters['volume']) &&
      (!filters['publish'] || isPublished(shownRows(container).map(({ PublicPort = 0, Type }) => `${PublicPort}/${Type}`))) &&
      (!filters['expose'] || isExposed(shownRows(container).map(({ PrivatePort, Type }) => `${PrivatePort}/${Type}`))) &&
      !isTask
    );
  };
}

/** The ports that a row of the list has, which is what Docker's filters look at: none for a container that does not run. */
function shownRows({ record }: LiveContainer): PortSummary[] {
  return record.state.Running ? portRows(shownPorts(record.config, record.ports)) : [];
}

function idMatches(id: string, wanted: string[] | undefined): boolean {
  return !wanted?.length || wanted.some((one) => id.startsWith(one));
}

function volumeMatches({ record }: LiveContainer, wanted: string[] | undefined): boolean {
  return (
    !wanted?.length ||
    wanted.some((one) => record.mounts.some((mount) => mount.Name === one || mount.Destination === one || mount.Source === one))
  );
}

/** `80`, `80/udp`, `8000-8010/tcp`. */
function portTest(wanted: string[] | undefined): (ports: string[]) => boolean {
  if (!wanted?.length) return () => true;
  const ranges = wanted.map((text) => {
    const { port, protocol } = parsePort(text);
    const last = /^\d+-(\d+)/.exec(text)?.[1];
    return { from: port, to: last ? Number(last) : port, protocol };
  });
  return (ports) =>
    ports.some((key) => {
      const { port, protocol } = parsePort(key);
      return ranges.some((range) => protocol === range.protocol && port >= range.from && port <= range.to);
    });
}
