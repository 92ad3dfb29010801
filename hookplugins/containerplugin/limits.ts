import { type ContainerCreateConfig, type HostConfig, invalidArgument } from '@pouchd/hookplugins';

type Parse = (text: string) => number | string | undefined;
type LimitField =
  | 'Memory'
  | 'MemoryReservation'
  | 'MemorySwap'
  | 'ShmSize'
  | 'NanoCpus'
  | 'CpuShares'
  | 'CpusetCpus'
  | 'CpusetMems'
  | 'PidsLimit'
  | 'BlkioWeight'
  | 'OomScoreAdj'
  | 'CgroupParent'
  | 'Runtime';

const units: Readonly<Record<string, number>> = { '': 1, b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

function size(text: string): number | undefined {
  if (text === '-1') return -1;
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)\s*([bkmgt]?)(?:i?b)?$/i.exec(text) ?? [];
  return amount === undefined ? undefined : Math.round(Number(amount) * (units[unit.toLowerCase()] ?? Number.NaN));
}
const cpus: Parse = (text) => (/^\d+(\.\d+)?$/.test(text) ? Math.round(Number(text) * 1e9) : undefined);
const whole: Parse = (text) => (/^-?\d+$/.test(text) ? Number(text) : undefined);
const cpuList: Parse = (text) => (/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(text) ? text : undefined);
const name: Parse = (text) => (/^[\w./:-]+$/.test(text) ? text : undefined);

/** Each field that a variable may set: how its text is read and what the message says it should be. */
const fields: Readonly<Record<LimitField, readonly [Parse, string]>> = {
  Memory: [size, 'a size such as 512m'],
  MemoryReservation: [size, 'a size such as 512m'],
  MemorySwap: [size, 'a size such as 1g, or -1'],
  ShmSize: [size, 'a size such as 64m'],
  NanoCpus: [cpus, 'a number of CPUs such as 1.5'],
  CpuShares: [whole, 'a whole number'],
  CpusetCpus: [cpuList, 'a list of CPUs such as 0-3,5'],
  CpusetMems: [cpuList, 'a list of memory nodes such as 0,1'],
  PidsLimit: [whole, 'a whole number'],
  BlkioWeight: [whole, 'a whole number'],
  OomScoreAdj: [whole, 'a whole number'],
  CgroupParent: [name, 'a path'],
  Runtime: [name, 'the name of a runtime'],
};

/** What is read when the configuration names no variables. */
export const defaultVariables: Readonly<Record<string, LimitField>> = {
  SCHED_MEMORY: 'Memory',
  SCHED_MEMORY_SWAP: 'MemorySwap',
  SCHED_CPUS: 'NanoCpus',
  SCHED_CPU_SHARES: 'CpuShares',
  SCHED_CPUSET: 'CpusetCpus',
  SCHED_PIDS: 'PidsLimit',
  SCHED_SHM: 'ShmSize',
  SCHED_CGROUP_PARENT: 'CgroupParent',
};

/** How `applyLimits` treats what it finds. */
export interface LimitOptions {
  readonly variables?: Readonly<Record<string, LimitField>>;
  readonly override: boolean;
  readonly keepVariables: boolean;
}

/**
 * Turns variables of the request into fields of its HostConfig and returns the names of the fields it set. A value that the request has already stays unless `override`; an empty variable is as
 * none. Throws invalidArgument for a value that cannot be read.
 */
export function applyLimits(config: ContainerCreateConfig, options: LimitOptions): string[] {
  const variables = options.variables ?? defaultVariables;
  config.HostConfig ??= {};
  const host: HostConfig & Partial<Record<LimitField, unknown>> = config.HostConfig;
  const set: string[] = [];
  for (const line of config.Env ?? []) {
    const at = line.indexOf('=');
    const [variable, text] = at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)];
    const field = Object.hasOwn(variables, variable) ? variables[variable] : undefined;
    if (!field || text === '') continue;
    const [parse, expected] = fields[field];
    const value = parse(text);
    if (value === undefined || Number.isNaN(value)) throw invalidArgument(`${variable}=${text} is not ${expected}`);
    if (host[field] && !options.override && !set.includes(field)) continue;
    Object.assign(host, { [field]: value });
    if (!set.includes(field)) set.push(field);
  }
  if (!options.keepVariables) config.Env = config.Env?.filter((line) => !Object.hasOwn(variables, line.split('=', 1)[0] ?? ''));
  return set;
}
