/*
 * Statistics of running containers. One loop samples, once a second and in one call to containerd, all containers that somebody looks at; readers of the same container share its samples.
 * A reader's `precpu_stats` are the sample before, so the CLI can tell a percentage.
 */
import { readFile } from 'node:fs/promises';
import type { TaskMetrics } from '../ctrd/metrics.ts';
import { messageOf } from '../errors/error.ts';
import { nowText, zeroTime } from '../lib/time.ts';
import type { LiveContainer } from './live.ts';
import type { ProcessRoom } from './process-room.ts';
import { statsOf } from './stats-shape.ts';

/** One sample of one container, before it has Docker's shape. */
export interface StatsSample {
  read: string;
  metrics: TaskMetrics;
  /** Nanoseconds that all CPUs of the host have spent, idle included. */
  systemNanos: number;
  onlineCpus: number;
  networks: Record<string, NetworkCounters>;
}

/** Counters of one interface. */
export interface NetworkCounters {
  rx_bytes: number;
  rx_packets: number;
  rx_errors: number;
  rx_dropped: number;
  tx_bytes: number;
  tx_packets: number;
  tx_errors: number;
  tx_dropped: number;
}

const intervalMs = 1000;

interface Watched {
  readonly container: LiveContainer;
  /** Called with each sample; undefined while the container does not run. */
  readonly readers: Set<(sample: StatsSample | undefined) => void>;
}

/** The sampling loop; idle without readers. */
export class StatsCollector {
  readonly #room: Pick<ProcessRoom, 'ctrd' | 'log'>;
  readonly #watched = new Map<string, Watched>();
  #timer: NodeJS.Timeout | undefined;

  constructor(room: Pick<ProcessRoom, 'ctrd' | 'log'>) {
    this.#room = room;
  }

  /** Calls `reader` with the next sample and each one after it; returns the way out. */
  watch(container: LiveContainer, reader: (sample: StatsSample | undefined) => void): () => void {
    const { id } = container.record;
    let watched = this.#watched.get(id);
    if (!watched) {
      watched = { container, readers: new Set() };
      this.#watched.set(id, watched);
    }
    watched.readers.add(reader);
    this.#timer ??= setTimeout(() => void this.#tick(), 0);
    return () => {
      watched.readers.delete(reader);
      if (watched.readers.size === 0) this.#watched.delete(id);
    };
  }

  async #tick(): Promise<void> {
    const started = performance.now();
    const all = [...this.#watched.values()];
    try {
      const samples = await this.#sample(all.filter(({ container }) => container.record.state.Running));
      for (const { container, readers } of all) {
        for (const reader of [...readers]) reader(samples.get(container.record.id));
      }
    } catch (error) {
      this.#room.log.debug('no statistics', { error: messageOf(error) }); // containerd is being restarted: the next tick asks again
    }
    this.#timer =
      this.#watched.size === 0
        ? undefined
        : setTimeout(() => void this.#tick(), Math.max(0, intervalMs - (performance.now() - started)));
  }

  async #sample(all: Watched[]): Promise<Map<string, StatsSample>> {
    const samples = new Map<string, StatsSample>();
    if (all.length === 0) return samples;
    const { unpackMetrics } = await import('../ctrd/metrics.ts');
    const [{ metrics }, host] = await Promise.all([
      this.#room.ctrd.client.tasks.metrics({ filters: all.map(({ container }) => `id==${container.record.id}`) }),
      hostCpu(),
    ]);
    const read = nowText();
    const networks = new Map(
      await Promise.all(all.map(async ({ container }) => [container.record.id, await networkCounters(container)] as const)),
    );
    for (const { id, data } of metrics) {
      if (data) samples.set(id, { read, metrics: unpackMetrics(data), ...host, networks: networks.get(id) ?? {} });
    }
    return samples;
  }
}

/** The statistics of a container as JSON objects, one a second: a single one (after two samples, unless `oneShot`) without `stream`. */
export async function* stats(
  room: ProcessRoom,
  collector: StatsCollector,
  query: { ref: string; stream: boolean; oneShot?: boolean; signal?: AbortSignal },
): AsyncGenerator<object> {
  const container = room.table.resolve(query.ref);
  const { record } = container;
  if (!query.stream && !record.state.Running) {
    yield emptyStats(container);
    return;
  }
  let before: StatsSample | undefined;
  for await (const sample of samplesOf(collector, container, query.signal)) {
    const isFirst = sample !== undefined && before === undefined;
    // One answer without a stream waits for a second sample, so that the CPU share can be told.
    if (query.stream || query.oneShot || !isFirst)
      yield sample ? statsOf(record, sample, { before, memoryBytes: room.host.memoryBytes }) : emptyStats(container);
    before = sample;
    if (!query.stream && (query.oneShot || !isFirst)) return;
  }
}

async function* samplesOf(
  collector: StatsCollector,
  container: LiveContainer,
  signal: AbortSignal | undefined,
): AsyncGenerator<StatsSample | undefined> {
  let latest: { sample: StatsSample | undefined } | undefined;
  let wake: (() => void) | undefined;
  const leave = collector.watch(container, (sample) => {
    latest = { sample }; // a slow reader gets the newest, not all
    wake?.();
  });
  const abort = (): void => wake?.();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    while (!signal?.aborted && !container.run.removing) {
      if (!latest) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      const { sample } = latest;
      latest = undefined;
      yield sample;
    }
  } finally {
    leave();
    signal?.removeEventListener('abort', abort);
  }
}

/** What Docker tells of a container that does not run: name and id. */
function emptyStats({ record }: LiveContainer): object {
  const cpu = {
    cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 },
    throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
  };
  return {
    read: zeroTime,
    preread: zeroTime,
    pids_stats: {},
    blkio_stats: {
      io_service_bytes_recursive: null,
      io_serviced_recursive: null,
      io_queue_recursive: null,
      io_service_time_recursive: null,
      io_wait_time_recursive: null,
      io_merged_recursive: null,
      io_time_recursive: null,
      sectors_recursive: null,
    },
    num_procs: 0,
    storage_stats: {},
    cpu_stats: cpu,
    precpu_stats: cpu,
    memory_stats: {},
    name: `/${record.name}`,
    id: record.id,
  };
}

async function hostCpu(): Promise<Pick<StatsSample, 'systemNanos' | 'onlineCpus'>> {
  const lines = (await readFile('/proc/stat', 'utf8')).split('\n');
  // user nice system idle iowait irq softirq, in hundredths of a second: what Docker adds up
  const ticks = (lines[0] ?? '')
    .trim()
    .split(/\s+/)
    .slice(1, 8)
    .reduce((sum, one) => sum + Number(one), 0);
  return { systemNanos: ticks * 10_000_000, onlineCpus: lines.filter((line) => /^cpu\d/.test(line)).length };
}

/** Of the container's own network; nothing for one on the host's, or after it has ended. */
async function networkCounters({ record }: LiveContainer): Promise<Record<string, NetworkCounters>> {
  if (record.hostConfig.NetworkMode === 'host' || !record.state.Pid) return {};
  const table = await readFile(`/proc/${record.state.Pid}/net/dev`, 'utf8').catch(() => '');
  return parseNetDev(table);
}

/** `/proc/net/dev` by interface, without the loopback. Exported for tests. */
export function parseNetDev(table: string): Record<string, NetworkCounters> {
  const rows = table.split('\n').flatMap((line): [string, NetworkCounters][] => {
    const match = /^\s*([^:\s]+):\s*(.*)$/.exec(line);
    if (!match || match[1] === 'lo') return [];
    const [
      rx_bytes = 0,
      rx_packets = 0,
      rx_errors = 0,
      rx_dropped = 0,
      ,
      ,
      ,
      ,
      tx_bytes = 0,
      tx_packets = 0,
      tx_errors = 0,
      tx_dropped = 0,
    ] = (match[2] ?? '').trim().split(/\s+/).map(Number);
    return [[match[1] ?? '', { rx_bytes, rx_packets, rx_errors, rx_dropped, tx_bytes, tx_packets, tx_errors, tx_dropped }]];
  });
  return Object.fromEntries(rows);
}
