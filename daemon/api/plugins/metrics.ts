import type { Metric } from 'prom-client';
import type { CallFigure } from '../../ctrd/contract.ts';
import type { HookStats } from '../../hooks/contract.ts';
import { apiBuckets, type RouteFigures } from '../http/metrics.ts';

/** Where the figures of a scrape come from. */
export interface MetricsSource {
  hooks(): readonly HookStats[];
  routes(): readonly RouteFigures[];
  containers(): Readonly<Record<string, number>>;
  /** Calls to containerd by method, where the client counts them. */
  containerdCalls(): readonly CallFigure[];
}

interface Sample {
  value: number;
  labels?: Record<string, string | number>;
  metricName?: string;
}

/**
 * Prometheus text of everything that was counted since the start. The counting itself needs no library; prom-client, loaded with the first scrape, writes the
 * text.
 */
export async function metricsText(source: MetricsSource): Promise<{ contentType: string; text: string }> {
  const { Registry } = await import('prom-client');
  const registry = new Registry();
  const add = (name: string, type: 'counter' | 'gauge' | 'histogram', help: string, values: Sample[]): void => {
    const metric = { name, help, type, aggregator: 'sum', get: async () => ({ name, help, type, aggregator: 'sum', values }) };
    registry.registerMetric(metric as unknown as Metric); // the registry only calls `get`; prom-client's own classes cannot take finished figures
  };
  const memory = process.memoryUsage();
  add('process_resident_memory_bytes', 'gauge', 'Resident memory of the daemon.', [{ value: memory.rss }]);
  add('process_heap_used_bytes', 'gauge', 'JavaScript heap in use.', [{ value: memory.heapUsed }]);
  add('process_uptime_seconds', 'gauge', 'Time since the daemon started.', [{ value: process.uptime() }]);
  add(
    'pouchd_containers',
    'gauge',
    'Containers by state.',
    Object.entries(source.containers()).map(([state, value]) => ({ labels: { state }, value })),
  );
  addApi(add, source.routes());
  addHooks(add, source.hooks());
  const calls = source.containerdCalls();
  add(
    'pouchd_containerd_calls_total',
    'counter',
    'Calls to containerd.',
    calls.map(({ method, code, count }) => ({ labels: { method, code }, value: count })),
  );
  add(
    'pouchd_containerd_call_seconds_total',
    'counter',
    'Time spent in calls to containerd.',
    calls.map(({ method, code, seconds }) => ({ labels: { method, code }, value: seconds })),
  );
  return { contentType: registry.contentType, text: await registry.metrics() };
}

type Add = (name: string, type: 'counter' | 'gauge' | 'histogram', help: string, values: Sample[]) => void;

function addApi(add: Add, routes: readonly RouteFigures[]): void {
  const used = routes.filter((one) => one.count > 0);
  const requests = used.flatMap(({ method, path, statuses }) =>
    [...statuses].map(([code, value]) => ({ labels: { method, path, code }, value })),
  );
  add('pouchd_api_requests_total', 'counter', 'API requests answered.', requests);
  const name = 'pouchd_api_request_duration_seconds';
  add(
    name,
    'histogram',
    'Duration of API requests; streams count with their whole life.',
    used.flatMap(({ method, path, buckets, seconds, count }) =>
      histogram(name, { method, path }, { bounds: [...apiBuckets, '+Inf'], counts: cumulative(buckets), sum: seconds, count }),
    ),
  );
}

function addHooks(add: Add, hooks: readonly HookStats[]): void {
  const labelled = hooks.map((one) => ({ one, labels: { plugin: one.id, package: one.package, point: one.point } }));
  const counter = (name: string, help: string, of: (one: HookStats) => number): void =>
    add(
      name,
      'counter',
      help,
      labelled.map(({ one, labels }) => ({ labels, value: of(one) })),
    );
  counter('pouchd_hook_calls_total', 'Calls of hook plugins.', (one) => one.calls);
  counter('pouchd_hook_failures_total', 'Calls that failed, time-outs included.', (one) => one.failures);
  counter('pouchd_hook_timeouts_total', 'Calls that ran out of time.', (one) => one.timeouts);
  counter('pouchd_hook_leaks_total', 'Stray errors after a call had ended.', (one) => one.leaks);
  const name = 'pouchd_hook_duration_seconds';
  add(
    name,
    'histogram',
    'Duration of hook calls.',
    labelled.flatMap(({ one, labels }) =>
      histogram(name, labels, {
        bounds: one.buckets.map(({ leMs }) => (Number.isFinite(leMs) ? leMs / 1000 : '+Inf')),
        counts: one.buckets.map(({ count }) => count),
        sum: one.totalMs / 1000,
        count: one.calls,
      }),
    ),
  );
}

interface Distribution {
  bounds: readonly (number | string)[];
  /** Cumulative. */
  counts: readonly number[];
  sum: number;
  count: number;
}

function histogram(name: string, labels: Record<string, string>, { bounds, counts, sum, count }: Distribution): Sample[] {
  return [
    ...bounds.map((le, at) => ({ metricName: `${name}_bucket`, labels: { ...labels, le }, value: counts[at] ?? 0 })),
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ];
}

function cumulative(counts: readonly number[]): number[] {
  let sum = 0;
  return counts.map((one) => {
    sum += one;
    return sum;
  });
}
