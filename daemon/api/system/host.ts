import { existsSync, readFileSync } from 'node:fs';
import { arch, availableParallelism, hostname, release, totalmem } from 'node:os';

/** What info and version tell about the machine. Read once: it does not change while a daemon lives. */
export interface HostInfo {
  readonly hostname: string;
  readonly kernelVersion: string;
  readonly operatingSystem: string;
  readonly osVersion: string;
  /** As uname spells it (`x86_64`). */
  readonly machine: string;
  /** As Go spells it (`amd64`). */
  readonly goArch: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly cgroupVersion: 1 | 2;
  readonly controllers: ReadonlySet<string>;
  readonly hasSwapLimit: boolean;
  readonly hasApparmor: boolean;
  readonly hasSeccomp: boolean;
  readonly hasPrivateCgroups: boolean;
}

/** Looks at the machine. `root` replaces `/` in tests. */
export function readHost(root = ''): HostInfo {
  const os = osRelease(root);
  const isV2 = existsSync(`${root}/sys/fs/cgroup/cgroup.controllers`);
  const controllers = isV2
    ? text(`${root}/sys/fs/cgroup/cgroup.controllers`).trim().split(/\s+/)
    : v1Controllers(text(`${root}/proc/cgroups`));
  const machine = arch() === 'arm64' ? 'aarch64' : 'x86_64';
  return {
    hostname: hostname(),
    kernelVersion: release(),
    operatingSystem: os.get('PRETTY_NAME') ?? 'Linux',
    osVersion: os.get('VERSION_ID') ?? '',
    machine,
    goArch: machine === 'aarch64' ? 'arm64' : 'amd64',
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    cgroupVersion: isV2 ? 2 : 1,
    controllers: new Set(controllers),
    hasSwapLimit: isV2 || existsSync(`${root}/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes`),
    hasApparmor: text(`${root}/sys/module/apparmor/parameters/enabled`).startsWith('Y'),
    hasSeccomp: /^Seccomp:/m.test(text(`${root}/proc/self/status`)),
    hasPrivateCgroups: existsSync(`${root}/proc/self/ns/cgroup`),
  };
}

/** True when a setting under /proc/sys is on (`net/ipv4/ip_forward`). */
export function isSysctlOn(path: string): boolean {
  return text(`/proc/sys/${path}`).trim() === '1';
}

function osRelease(root: string): Map<string, string> {
  const file = text(`${root}/etc/os-release`) || text(`${root}/usr/lib/os-release`);
  const rows = file.split('\n').flatMap((line): [string, string][] => {
    const match = /^([A-Z_]+)="?(.*?)"?$/.exec(line);
    return match ? [[match[1] ?? '', match[2] ?? '']] : [];
  });
  return new Map(rows);
}

function v1Controllers(cgroups: string): string[] {
  return cgroups.split('\n').flatMap((line) => {
    const [name = '', , , enabled] = line.split(/\s+/);
    return enabled === '1' ? [name] : [];
  });
}

function text(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // this kernel does not have it
  }
}
