import { internal } from '../errors/error.ts';
import { Metrics as Cgroup1Metrics } from '../types/gen/cgroups/v1.ts';
import { Metrics as Cgroup2Metrics } from '../types/gen/cgroups/v2.ts';
import type { Any } from '../types/gen/containerd/google/protobuf/any.ts';
import { typeUrls } from './any.ts';

/** What Tasks.Metrics answers for one task; the host's cgroup version decides which. Counters are bigint. */
export type TaskMetrics = { version: 1; metrics: Cgroup1Metrics } | { version: 2; metrics: Cgroup2Metrics };

/** Decodes the `data` of a metric. Kept apart from `any.ts`: these codecs load only for stats. */
export function unpackMetrics(any: Any): TaskMetrics {
  const type = any.typeUrl.replace(/^type\.googleapis\.com\//, '');
  if (type === typeUrls.cgroup1Metrics) return { version: 1, metrics: Cgroup1Metrics.decode(any.value) };
  if (type === typeUrls.cgroup2Metrics) return { version: 2, metrics: Cgroup2Metrics.decode(any.value) };
  throw internal(`unknown kind of metrics from containerd: ${any.typeUrl}`);
}
