import type { Resources } from '../types/docker/container.ts';
import type { HostFacts } from './contract.ts';

/** Numbers of block devices by host path, for the throttle lists. */
export type BlockDevices = ReadonlyMap<string, { major: number; minor: number }>;

const cpuPeriodUs = 100_000;

/**
 * HostConfig's limits as `linux.resources` of the OCI specification (device rules come from `devices.ts`). The runtime translates them for cgroup v2. Limits that the host's
 * controllers do not have are left out, as Docker discards them with a warning.
 */
export function resourcesOf(
  limits: Resources,
  host: Pick<HostFacts, 'cgroupVersion' | 'controllers'>,
  blocks: BlockDevices = new Map(),
) {
  const has = (controller: string) => host.controllers.size === 0 || host.controllers.has(controller);
  return compact({
    memory: has('memory') ? memoryOf(limits, host.cgroupVersion) : undefined,
    cpu: cpuOf(limits, has),
    pids: has('pids') ? pidsOf(limits.PidsLimit) : undefined,
    blockIO: has('blkio') || has('io') ? blockIoOf(limits, blocks) : undefined,
  });
}

function memoryOf(limits: Resources, cgroupVersion: 1 | 2): Record<string, unknown> | undefined {
  const { Memory = 0, MemorySwap = 0, MemoryReservation = 0, MemorySwappiness, OomKillDisable } = limits;
  return emptyToUndefined(
    compact({
      limit: Memory || undefined,
      reservation: MemoryReservation || undefined,
      // Docker: a memory limit without a swap limit allows as much swap again.
      swap: MemorySwap || (Memory > 0 ? Memory * 2 : undefined),
      kernelTCP: cgroupVersion === 1 ? limits.KernelMemoryTCP || undefined : undefined,
      swappiness:
        cgroupVersion === 1 && MemorySwappiness !== undefined && MemorySwappiness !== null && MemorySwappiness >= 0
          ? MemorySwappiness
          : undefined,
      disableOOMKiller: cgroupVersion === 1 ? OomKillDisable || undefined : undefined,
    }),
  );
}

function cpuOf(limits: Resources, has: (controller: string) => boolean): Record<string, unknown> | undefined {
  let quota = limits.CpuQuota || undefined;
  let period = limits.CpuPeriod || undefined;
  if (limits.NanoCpus) {
    period = cpuPeriodUs;
    quota = Math.round((limits.NanoCpus / 1e9) * cpuPeriodUs);
  }
  const times = has('cpu')
    ? {
        shares: limits.CpuShares || undefined,
        quota,
        period,
        realtimePeriod: limits.CpuRealtimePeriod || undefined,
        realtimeRuntime: limits.CpuRealtimeRuntime || undefined,
      }
    : {};
  const sets = has('cpuset') ? { cpus: limits.CpusetCpus || undefined, mems: limits.CpusetMems || undefined } : {};
  return emptyToUndefined(compact({ ...times, ...sets }));
}

function pidsOf(limit: number | null | undefined): { limit: number } | undefined {
  if (limit === undefined || limit === null || limit === 0) return undefined;
  return { limit: limit < 0 ? -1 : limit };
}

function blockIoOf(limits: Resources, blocks: BlockDevices): Record<string, unknown> | undefined {
  const rates = (entries: { Path: string; Rate: number }[] | null | undefined) =>
    entries?.length
      ? entries.flatMap(({ Path, Rate }) => (blocks.has(Path) ? [{ ...blocks.get(Path), rate: Rate }] : []))
      : undefined;
  return emptyToUndefined(
    compact({
      weight: limits.BlkioWeight || undefined,
      weightDevice: limits.BlkioWeightDevice?.length
        ? limits.BlkioWeightDevice.flatMap(({ Path, Weight }) =>
            blocks.has(Path) ? [{ ...blocks.get(Path), weight: Weight }] : [],
          )
        : undefined,
      throttleReadBpsDevice: rates(limits.BlkioDeviceReadBps),
      throttleWriteBpsDevice: rates(limits.BlkioDeviceWriteBps),
      throttleReadIOPSDevice: rates(limits.BlkioDeviceReadIOps),
      throttleWriteIOPSDevice: rates(limits.BlkioDeviceWriteIOps),
    }),
  );
}

function compact(value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined));
}

function emptyToUndefined(value: Record<string, unknown>): Record<string, unknown> | undefined {
  return Object.keys(value).length > 0 ? value : undefined;
}
