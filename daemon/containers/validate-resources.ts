import { invalidArgument } from '../errors/error.ts';
import type { HostFacts } from '../spec/contract.ts';
import { parseDeviceRule } from '../spec/devices.ts';
import { checkUlimit } from '../spec/limits.ts';
import type { Resources } from '../types/docker/container.ts';

const megabyte = 1024 * 1024;

/** Checks limits as Docker does, with its texts; returns warnings. For create and, with what is set already below it, for update. */
export function checkResources(limits: Resources, host: Pick<HostFacts, 'cpus' | 'cgroupVersion'>): string[] {
  const warnings: string[] = [];
  checkMemory(limits, warnings);
  checkCpu(limits, host.cpus);
  checkBlockIo(limits);
  if (limits.OomKillDisable && host.cgroupVersion === 2) {
    warnings.push('Your kernel does not support OomKillDisable. OomKillDisable discarded.');
  } else if (limits.OomKillDisable && !limits.Memory) {
    warnings.push(
      'OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.',
    );
  }
  for (const limit of limits.Ulimits ?? []) checkUlimit(limit);
  for (const rule of limits.DeviceCgroupRules ?? []) parseDeviceRule(rule);
  for (const device of limits.Devices ?? []) {
    if (!/^[rwm]{0,3}$/.test(device.CgroupPermissions ?? ''))
      throw invalidArgument(`invalid device mode: ${device.CgroupPermissions}`);
  }
  return warnings;
}

function checkMemory(limits: Resources, warnings: string[]): void {
  const { Memory = 0, MemorySwap = 0, MemoryReservation = 0, MemorySwappiness, KernelMemory = 0 } = limits;
  if (Memory !== 0 && Memory < 6 * megabyte) throw invalidArgument('Minimum memory limit allowed is 6MB');
  if (Memory > 0 && MemorySwap > 0 && MemorySwap < Memory) {
    throw invalidArgument('Minimum memoryswap limit should be larger than memory limit, see usage');
  }
  if (Memory === 0 && MemorySwap > 0) {
    throw invalidArgument('You should always set the Memory limit when using Memoryswap limit, see usage');
  }
  if (MemorySwap < -1) throw invalidArgument(`invalid memory swap limit: ${MemorySwap}`);
  const swappiness = MemorySwappiness ?? -1;
  if (swappiness < -1 || swappiness > 100) {
    throw invalidArgument(`Invalid value: ${swappiness}, valid memory swappiness range is 0-100`);
  }
  if (MemoryReservation !== 0 && MemoryReservation < 6 * megabyte)
    throw invalidArgument('Minimum memory reservation allowed is 6MB');
  if (Memory > 0 && MemoryReservation > 0 && Memory < MemoryReservation) {
    throw invalidArgument('Minimum memory limit can not be less than memory reservation limit, see usage');
  }
  if (KernelMemory > 0) warnings.push('Specifying a kernel memory limit is deprecated and has no effect.');
}

function checkCpu(limits: Resources, cpus: number): void {
  const { NanoCpus = 0, CpuPeriod = 0, CpuQuota = 0 } = limits;
  if (NanoCpus > 0 && CpuPeriod > 0) throw invalidArgument('Conflicting options: Nano CPUs and CPU Period cannot both be set');
  if (NanoCpus > 0 && CpuQuota > 0) throw invalidArgument('Conflicting options: Nano CPUs and CPU Quota cannot both be set');
  if (NanoCpus < 0 || NanoCpus > cpus * 1e9) {
    throw invalidArgument(`Range of CPUs is from 0.01 to ${cpus}.00, as there are only ${cpus} CPUs available`);
  }
  if (CpuPeriod !== 0 && (CpuPeriod < 1000 || CpuPeriod > 1_000_000)) {
    throw invalidArgument('CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)');
  }
  if (CpuQuota > 0 && CpuQuota < 1000) throw invalidArgument('CPU cfs quota can not be less than 1ms (i.e. 1000)');
  for (const [kind, text] of [
    ['cpus', limits.CpusetCpus],
    ['mems', limits.CpusetMems],
  ] as const) {
    if (!text) continue;
    const wanted = parseSet(text);
    if (!wanted) throw invalidArgument(`Invalid value ${text} for cpuset ${kind}`);
    if (kind === 'cpus' && wanted.some((cpu) => cpu >= cpus)) {
      throw invalidArgument(
        `Requested CPUs are not available - requested ${text}, available: ${cpus > 1 ? `0-${cpus - 1}` : '0'}`,
      );
    }
  }
}

/** `0-2,5` as numbers, or undefined when it is no such list. */
function parseSet(text: string): number[] | undefined {
  const all: number[] = [];
  for (const part of text.split(',')) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part.trim());
    if (!match) return undefined;
    const from = Number(match[1]);
    const to = Number(match[2] ?? from);
    if (to < from || to - from > 8192) return undefined;
    for (let cpu = from; cpu <= to; cpu += 1) all.push(cpu);
  }
  return all;
}

function checkBlockIo(limits: Resources): void {
  const weight = limits.BlkioWeight ?? 0;
  if (weight !== 0 && (weight < 10 || weight > 1000)) throw invalidArgument('Range of blkio weight is from 10 to 1000');
}
