/*
 * The list is answered from memory. Each row is kept as JSON text until its container changes or its status text does (`Up 5 seconds`); a whole answer is kept until anything changes or the
 * second is over, so that a list of hundreds costs a busy client nothing but the copying.
 */
import { isKind } from '../errors/error.ts';
import type { ContainerSummary } from '../types/docker/container.ts';
import type { EndpointSettings } from '../types/docker/network.ts';
import type { ListOptions } from './contract.ts';
import { listFilter } from './list-filters.ts';
import type { LiveContainer } from './live.ts';
import { shownEndpoints } from './network-settings.ts';
import { portRows, shownPorts } from './ports.ts';
import type { Room } from './room.ts';
import { statusText } from './status-text.ts';

const maxAnswers = 8;

/** The list with its caches; one a room. */
export class ContainerList {
  readonly #room: Room;
  readonly #answers = new Map<string, { version: number; second: number; body: Buffer }>();

  constructor(room: Room) {
    this.#room = room;
  }

  /** The answer's bytes; shared between requests, not to be changed. */
  async body(options: ListOptions): Promise<Buffer> {
    if (options.size) return Buffer.from(`${JSON.stringify(await this.list(options))}\n`);
    const key = JSON.stringify(options);
    const now = Date.now();
    const second = Math.floor(now / 1000);
    const { version } = this.#room.table;
    const known = this.#answers.get(key);
    if (known && known.version === version && known.second === second) return known.body;
    const rows = this.#select(options).map((container) => this.#row(container, now));
    const body = Buffer.from(`[${rows.join(',')}]\n`);
    if (this.#answers.size >= maxAnswers) this.#answers.clear();
    this.#answers.set(key, { version, second, body });
    return body;
  }

  /** The same as values, with sizes when asked for. */
  async list(options: ListOptions): Promise<ContainerSummary[]> {
    const now = Date.now();
    const rows: ContainerSummary[] = [];
    for (const container of this.#select(options)) {
      const row = summary(this.#room, container, now);
      if (options.size) {
        const { SizeRw, SizeRootFs } = await sizes(this.#room, container);
        Object.assign(row, SizeRw > 0 ? { SizeRw } : {}, SizeRootFs > 0 ? { SizeRootFs } : {}); // Go leaves zeros out
      }
      rows.push(row);
    }
    return rows;
  }

  #select(options: ListOptions): LiveContainer[] {
    const filters = options.filters ?? {};
    const passes = listFilter(this.#room, filters);
    const limit = options.limit && options.limit > 0 ? options.limit : undefined;
    const all = options.all || limit !== undefined || Boolean(filters['status']?.length);
    const found = this.#room.table
      .all()
      .filter((container) => (all || container.record.state.Running) && passes(container))
      .sort((a, b) => (a.record.created < b.record.created ? 1 : -1));
    return limit === undefined ? found : found.slice(0, limit);
  }

  #row(container: LiveContainer, now: number): string {
    const status = statusText(container.record.state, now);
    const { run } = container;
    if (run.row?.status !== status) run.row = { status, json: JSON.stringify(summary(this.#room, container, now)) };
    return run.row.json;
  }
}

/** Sizes of the writable layer and of all below; a container that is being removed has none. */
export async function sizes(
  room: Pick<Room, 'images'>,
  container: LiveContainer,
): Promise<{ SizeRw: number; SizeRootFs: number }> {
  const below = container.image?.size ?? 0;
  try {
    const { size } = await room.images.rootfsUsage(container.record.id, container.record.snapshotter);
    return { SizeRw: size, SizeRootFs: size + below };
  } catch (error) {
    if (!isKind(error, 'notFound')) throw error;
    return { SizeRw: 0, SizeRootFs: below };
  }
}

function summary(room: Pick<Room, 'images'>, container: LiveContainer, now: number): ContainerSummary {
  const { record } = container;
  return {
    Id: record.id,
    Names: [`/${record.name}`],
    Image: shownImage(room, container),
    ImageID: record.imageId,
    Command: commandText(record.args),
    Created: Math.floor(Date.parse(record.created) / 1000),
    Ports: record.state.Running && !record.state.Restarting ? portRows(shownPorts(record.config, record.ports)) : [],
    Labels: record.config.Labels ?? {},
    State: record.state.Status,
    Status: statusText(record.state, now),
    HostConfig: { NetworkMode: record.hostConfig.NetworkMode ?? 'default' },
    NetworkSettings: { Networks: listedEndpoints(container) },
    Mounts: record.mounts,
  };
}

/** Rows of the list have no names of endpoints: Docker leaves them to inspect. */
function listedEndpoints(container: LiveContainer): Record<string, EndpointSettings> {
  const endpoints = shownEndpoints(container);
  for (const one of Object.values(endpoints)) {
    Object.assign(one, { Links: null, Aliases: null, DriverOpts: null });
    delete one.DNSNames;
  }
  return endpoints;
}

/** The name it was made from, as long as that still means the same image. */
function shownImage(room: Pick<Room, 'images'>, { record }: LiveContainer): string {
  if (record.imageRef === '') return record.imageId;
  return room.images.find(record.imageRef)?.id === record.imageId ? record.imageRef : record.imageId;
}

function commandText([path = '', ...args]: readonly string[]): string {
  const quoted = args.map((arg) => (arg.includes(' ') ? `'${arg}'` : arg));
  return [path, ...quoted].join(' ');
}
