/*
 * containerd's metrics in Docker's spelling, for cgroup v1 and v2. The CLI's columns hang on the details: memory is usage minus inactive page cache
 * (`total_inactive_file` on v1, `inactive_file` on v2), the limit is the machine's memory where none is set, block I/O is told by op (`Read`, `Write` on v1, `read`, `write` on v2).
 */

import { zeroTime } from '../lib/time.ts';
import type { BlkIOEntry, MemoryStat as MemoryStat1, Metrics as Metrics1 } from '../types/gen/cgroups/v1.ts';
import type { Metrics as Metrics2 } from '../types/gen/cgroups/v2.ts';
import type { ContainerRecord } from './contract.ts';
import type { StatsSample } from './stats.ts';

const micro = 1000;

/** One answer of stats. */
export function statsOf(
  record: Pick<ContainerRecord, 'id' | 'name'>,
  sample: StatsSample,
  { before, memoryBytes }: { before: StatsSample | undefined; memoryBytes: number },
): object {
  const { metrics } = sample;
  const networks = Object.keys(sample.networks).length > 0 ? { networks: sample.networks } : {};
  return {
    read: sample.read,
    preread: before?.read ?? zeroTime,
    pids_stats: pidsOf(metrics.metrics.pids),
    blkio_stats: metrics.version === 1 ? blkioOf1(metrics.metrics) : blkioOf2(metrics.metrics),
    num_procs: 0,
    storage_stats: {},
    cpu_stats: cpuOf(sample),
    precpu_stats: before ? cpuOf(before) : noCpu,
    memory_stats: metrics.version === 1 ? memoryOf1(metrics.metrics, memoryBytes) : memoryOf2(metrics.metrics, memoryBytes),
    name: `/${record.name}`,
    id: record.id,
    ...networks,
  };
}

const noCpu = {
  cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 },
  throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
};

function cpuOf({ metrics, systemNanos, onlineCpus }: StatsSample): object {
  const common = { system_cpu_usage: systemNanos, online_cpus: onlineCpus };
  if (metrics.version === 1) {
    const { cpu } = metrics.metrics;
    const { usage, throttling } = cpu ?? {};
    return {
      cpu_usage: {
        total_usage: Number(usage?.total ?? 0),
        ...(usage?.perCpu.length ? { percpu_usage: usage.perCpu.map(Number) } : {}),
        usage_in_kernelmode: Number(usage?.kernel ?? 0),
        usage_in_usermode: Number(usage?.user ?? 0),
      },
      ...common,
      throttling_data: {
        periods: Number(throttling?.periods ?? 0),
        throttled_periods: Number(throttling?.throttledPeriods ?? 0),
        throttled_time: Number(throttling?.throttledTime ?? 0),
      },
    };
  }
  const { cpu } = metrics.metrics;
  return {
    cpu_usage: {
      total_usage: Number(cpu?.usageUsec ?? 0) * micro,
      usage_in_kernelmode: Number(cpu?.systemUsec ?? 0) * micro,
      usage_in_usermode: Number(cpu?.userUsec ?? 0) * micro,
    },
    ...common,
    throttling_data: {
      periods: Number(cpu?.nrPeriods ?? 0),
      throttled_periods: Number(cpu?.nrThrottled ?? 0),
      throttled_time: Number(cpu?.throttledUsec ?? 0) * micro,
    },
  };
}

function pidsOf(pids: { current: bigint; limit: bigint } | undefined): object {
  if (!pids) return {};
  // Without a limit containerd tells 0 or the largest number.
  const limited = pids.limit > 0n && pids.limit < 1n << 63n;
  return { ...(pids.current > 0n ? { current: Number(pids.current) } : {}), ...(limited ? { limit: Number(pids.limit) } : {}) };
}

function limitOf(limit: bigint | undefined, memoryBytes: number): number {
  return limit !== undefined && limit > 0n && limit < BigInt(memoryBytes) ? Number(limit) : memoryBytes;
}

function memoryOf1({ memory }: Metrics1, memoryBytes: number): object {
  if (!memory?.usage) return {};
  const { usage } = memory;
  return {
    usage: Number(usage.usage),
    max_usage: Number(usage.max),
    stats: statsOf1(memory),
    ...(usage.failcnt > 0n ? { failcnt: Number(usage.failcnt) } : {}),
    limit: limitOf(usage.limit, memoryBytes),
  };
}

function statsOf1(memory: MemoryStat1): Record<string, number> {
  const plain: Record<string, number> = {};
  for (const [key, value] of Object.entries(memory)) {
    if (typeof value === 'bigint') plain[names1[key] ?? snake(key)] = Number(value);
  }
  return plain;
}

/** Fields whose protobuf name is not the kernel's with underscores. */
const names1: Record<string, string> = {
  pgPgIn: 'pgpgin',
  pgPgOut: 'pgpgout',
  pgFault: 'pgfault',
  pgMajFault: 'pgmajfault',
  totalPgPgIn: 'total_pgpgin',
  totalPgPgOut: 'total_pgpgout',
  totalPgFault: 'total_pgfault',
  totalPgMajFault: 'total_pgmajfault',
  hierarchicalSwapLimit: 'hierarchical_memsw_limit',
};

function memoryOf2({ memory, memoryEvents }: Metrics2, memoryBytes: number): object {
  if (!memory) return {};
  const { usage, usageLimit, swapUsage: _swap, swapLimit: _swapLimit, maxUsage: _max, swapMaxUsage: _swapMax, ...rest } = memory;
  const stats: Record<string, number> = {};
  for (const [key, value] of Object.entries(rest)) if (typeof value === 'bigint') stats[snake(key)] = Number(value);
  return {
    usage: Number(usage),
    stats,
    ...(memoryEvents && memoryEvents.oom > 0n ? { failcnt: Number(memoryEvents.oom) } : {}),
    limit: limitOf(usageLimit, memoryBytes),
  };
}

function blkioOf1({ blkio }: Metrics1): object {
  const list = (entries: readonly BlkIOEntry[] | undefined) =>
    (entries ?? []).map(({ major, minor, op, value }) => ({
      major: Number(major),
      minor: Number(minor),
      op,
      value: Number(value),
    }));
  return {
    io_service_bytes_recursive: list(blkio?.ioServiceBytesRecursive),
    io_serviced_recursive: list(blkio?.ioServicedRecursive),
    io_queue_recursive: list(blkio?.ioQueuedRecursive),
    io_service_time_recursive: list(blkio?.ioServiceTimeRecursive),
    io_wait_time_recursive: list(blkio?.ioWaitTimeRecursive),
    io_merged_recursive: list(blkio?.ioMergedRecursive),
    io_time_recursive: list(blkio?.ioTimeRecursive),
    sectors_recursive: list(blkio?.sectorsRecursive),
  };
}

function blkioOf2({ io }: Metrics2): object {
  const bytes = (io?.usage ?? []).flatMap(({ major, minor, rbytes, wbytes }) => [
    { major: Number(major), minor: Number(minor), op: 'read', value: Number(rbytes) },
    { major: Number(major), minor: Number(minor), op: 'write', value: Number(wbytes) },
  ]);
  return {
    io_service_bytes_recursive: bytes,
    io_serviced_recursive: null,
    io_queue_recursive: null,
    io_service_time_recursive: null,
    io_wait_time_recursive: null,
    io_merged_recursive: null,
    io_time_recursive: null,
    sectors_recursive: null,
  };
}

function snake(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
