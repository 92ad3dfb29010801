import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { capabilitiesOfMask } from './capabilities.ts';
import type { HostFacts } from './contract.ts';

/** Names of `/proc/self/limits` beside the runtime's. */
const limitNames: Record<string, string> = {
  'Max cpu time': 'RLIMIT_CPU',
  'Max file size': 'RLIMIT_FSIZE',
  'Max data size': 'RLIMIT_DATA',
  'Max stack size': 'RLIMIT_STACK',
  'Max core file size': 'RLIMIT_CORE',
  'Max resident set': 'RLIMIT_RSS',
  'Max processes': 'RLIMIT_NPROC',
  'Max open files': 'RLIMIT_NOFILE',
  'Max locked memory': 'RLIMIT_MEMLOCK',
  'Max address space': 'RLIMIT_AS',
  'Max file locks': 'RLIMIT_LOCKS',
  'Max pending signals': 'RLIMIT_SIGPENDING',
  'Max msgqueue size': 'RLIMIT_MSGQUEUE',
  'Max nice priority': 'RLIMIT_NICE',
  'Max realtime priority': 'RLIMIT_RTPRIO',
  'Max realtime timeout': 'RLIMIT_RTTIME',
};

/** Looks once at what this machine and this process can do. `root` replaces `/` in tests. */
export function probeHost(root = ''): HostFacts {
  const status = text(`${root}/proc/self/status`);
  const capabilities = capabilitiesOfMask(/^CapBnd:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0');
  const mayRaise = capabilities.has('CAP_SYS_RESOURCE');
  const isV2 = existsSync(`${root}/sys/fs/cgroup/cgroup.controllers`);
  return {
    cgroupVersion: isV2 ? 2 : 1,
    capabilities,
    minOomScoreAdj: mayRaise ? -1000 : lowestScore(text(`${root}/proc/self/oom_score_adj`)),
    rlimitCeilings: mayRaise ? {} : rlimitCeilings(text(`${root}/proc/self/limits`)),
    apparmor: text(`${root}/sys/module/apparmor/parameters/enabled`).startsWith('Y'),
    seccomp: /^Seccomp:/m.test(status),
    architecture: process.arch === 'arm64' ? 'arm64' : 'x64',
    controllers: new Set(
      isV2 ? words(text(`${root}/sys/fs/cgroup/cgroup.controllers`)) : v1Controllers(text(`${root}/proc/cgroups`), root),
    ),
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
  };
}

function text(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // absent on this kernel: the fact is then "cannot"
  }
}

const words = (line: string) => line.split(/\s+/).filter(Boolean);

function lowestScore(score: string): number {
  const value = Number.parseInt(score, 10);
  return Number.isNaN(value) ? 0 : value;
}

/** A v1 controller counts when it is enabled and mounted. */
function v1Controllers(table: string, root: string): string[] {
  return table
    .split('\n')
    .filter((line) => line && !line.startsWith('#'))
    .map(words)
    .flatMap(([name, , , enabled]) => (name && enabled === '1' && existsSync(`${root}/sys/fs/cgroup/${name}`) ? [name] : []));
}

function rlimitCeilings(table: string): Record<string, number> {
  const ceilings: Record<string, number> = {};
  for (const line of table.split('\n')) {
    const match = /^(Max [a-z ]+?)\s{2,}\S+\s+(\S+)/.exec(line);
    const name = match?.[1] && limitNames[match[1]];
    if (name && match?.[2] !== 'unlimited') ceilings[name] = Number(match?.[2]);
  }
  return ceilings;
}
