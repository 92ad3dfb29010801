import { invalidArgument } from '../errors/error.ts';

/** Every capability of Linux, in kernel order: bit N of `CapBnd` is entry N. */
export const allCapabilities = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_DAC_READ_SEARCH',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETPCAP',
  'CAP_LINUX_IMMUTABLE',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_BROADCAST',
  'CAP_NET_ADMIN',
  'CAP_NET_RAW',
  'CAP_IPC_LOCK',
  'CAP_IPC_OWNER',
  'CAP_SYS_MODULE',
  'CAP_SYS_RAWIO',
  'CAP_SYS_CHROOT',
  'CAP_SYS_PTRACE',
  'CAP_SYS_PACCT',
  'CAP_SYS_ADMIN',
  'CAP_SYS_BOOT',
  'CAP_SYS_NICE',
  'CAP_SYS_RESOURCE',
  'CAP_SYS_TIME',
  'CAP_SYS_TTY_CONFIG',
  'CAP_MKNOD',
  'CAP_LEASE',
  'CAP_AUDIT_WRITE',
  'CAP_AUDIT_CONTROL',
  'CAP_SETFCAP',
  'CAP_MAC_OVERRIDE',
  'CAP_MAC_ADMIN',
  'CAP_SYSLOG',
  'CAP_WAKE_ALARM',
  'CAP_BLOCK_SUSPEND',
  'CAP_AUDIT_READ',
  'CAP_PERFMON',
  'CAP_BPF',
  'CAP_CHECKPOINT_RESTORE',
] as const;

/** What an ordinary container may do: Docker's fourteen. */
export const defaultCapabilities = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FSETID',
  'CAP_FOWNER',
  'CAP_MKNOD',
  'CAP_NET_RAW',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETFCAP',
  'CAP_SETPCAP',
  'CAP_NET_BIND_SERVICE',
  'CAP_SYS_CHROOT',
  'CAP_KILL',
  'CAP_AUDIT_WRITE',
] as const;

const known = new Set<string>(allCapabilities);

/** `net_admin` -> `CAP_NET_ADMIN`, `all` -> `ALL`. Throws invalidArgument with Docker's text for a name that does not exist. */
export function normaliseCapability(name: string): string {
  const upper = name.toUpperCase();
  if (upper === 'ALL') return upper;
  const full = upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
  if (!known.has(full)) throw invalidArgument(`invalid capability: ${JSON.stringify(name)}`);
  return full;
}

/** What the capability half of a HostConfig asks for. */
export interface CapabilityRequest {
  Privileged?: boolean;
  CapAdd?: string[] | null;
  CapDrop?: string[] | null;
}

/**
 * The capabilities a container gets, by Docker's rule: `ALL` in add starts from everything, `ALL` in drop from nothing, else the default set;
 * then drops, then adds. What the daemon itself lacks (`available`) is left out: asking runc for it would fail the start.
 */
export function resolveCapabilities(request: CapabilityRequest, available: ReadonlySet<string>): string[] {
  const add = (request.CapAdd ?? []).map(normaliseCapability);
  const drop = (request.CapDrop ?? []).map(normaliseCapability);
  let wanted: string[];
  if (request.Privileged) wanted = [...allCapabilities];
  else if (add.includes('ALL')) wanted = allCapabilities.filter((name) => !drop.includes(name));
  else {
    const base = drop.includes('ALL') ? [] : defaultCapabilities.filter((name) => !drop.includes(name));
    wanted = [...base, ...add.filter((name) => !base.some((one) => one === name))];
  }
  return wanted.filter((name) => available.has(name));
}

/** Reads a `CapBnd`-like hexadecimal mask into names; bits newer than this list are left out. */
export function capabilitiesOfMask(mask: string): Set<string> {
  const bits = BigInt(`0x${mask}`);
  return new Set(allCapabilities.filter((_, bit) => (bits >> BigInt(bit)) & 1n));
}
