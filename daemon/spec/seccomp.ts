import { invalidArgument } from '../errors/error.ts';
import { defaultProfile, type SeccompProfile, type SyscallRule } from './seccomp-profile.ts';

/** `linux.seccomp` of the OCI specification. */
export interface OciSeccomp {
  defaultAction: string;
  defaultErrnoRet?: number;
  architectures: string[];
  flags?: string[];
  listenerPath?: string;
  listenerMetadata?: string;
  syscalls: { names: string[]; action: string; errnoRet?: number; args?: SyscallRule['args'] }[];
}

const dockerArch = { x64: 'amd64', arm64: 'arm64' } as const;
const nativeArch = { x64: 'SCMP_ARCH_X86_64', arm64: 'SCMP_ARCH_AARCH64' } as const;

const cache = new Map<string, OciSeccomp>();

/** The default profile for a set of capabilities; equal sets share one object, so it must not be changed. */
export function defaultSeccomp(architecture: 'x64' | 'arm64', capabilities: readonly string[]): OciSeccomp {
  const key = `${architecture} ${[...capabilities].sort().join(' ')}`;
  let made = cache.get(key);
  if (!made) {
    made = resolveSeccomp(defaultProfile, architecture, capabilities);
    if (cache.size < 64) cache.set(key, made);
  }
  return made;
}

/** Reads the text after `seccomp=`. Throws invalidArgument with Docker's text for what is no JSON object. */
export function parseSeccomp(text: string): SeccompProfile {
  try {
    const parsed: unknown = JSON.parse(text);
    if (parsed && typeof parsed === 'object' && 'defaultAction' in parsed) return parsed as SeccompProfile; // checked as far as we use it
  } catch (error) {
    throw invalidArgument(`Decoding seccomp profile failed: ${error instanceof Error ? error.message : String(error)}`, error);
  }
  throw invalidArgument('Decoding seccomp profile failed: no defaultAction');
}

/** A profile of Docker's form fitted to this architecture and these capabilities. */
export function resolveSeccomp(
  profile: SeccompProfile,
  architecture: 'x64' | 'arm64',
  capabilities: readonly string[],
): OciSeccomp {
  const native = nativeArch[architecture];
  const mapped = profile.archMap?.find((one) => one.architecture === native);
  const architectures = mapped ? [native, ...(mapped.subArchitectures ?? [])] : [...(profile.architectures ?? [])];
  const holds = (rule: SyscallRule) => applies(rule, dockerArch[architecture], capabilities);
  return {
    defaultAction: profile.defaultAction,
    ...(profile.defaultErrnoRet === undefined ? {} : { defaultErrnoRet: profile.defaultErrnoRet }),
    architectures,
    ...(profile.flags?.length ? { flags: profile.flags } : {}),
    ...(profile.listenerPath ? { listenerPath: profile.listenerPath, listenerMetadata: profile.listenerMetadata } : {}),
    syscalls: (profile.syscalls ?? []).filter(holds).map((rule) => ({
      names: rule.names?.length ? rule.names : rule.name ? [rule.name] : [],
      action: rule.action,
      ...(rule.errnoRet === undefined ? {} : { errnoRet: rule.errnoRet }),
      ...(rule.args?.length ? { args: rule.args } : {}),
    })),
  };
}

function applies(rule: SyscallRule, arch: string, capabilities: readonly string[]): boolean {
  const { includes, excludes } = rule;
  if (includes?.caps?.length && !includes.caps.every((cap) => capabilities.includes(cap))) return false;
  if (includes?.arches?.length && !includes.arches.includes(arch)) return false;
  if (excludes?.caps?.some((cap) => capabilities.includes(cap))) return false;
  // minKernel: everything Docker's profile asks for is older than any kernel pouchd runs on.
  return !excludes?.arches?.includes(arch);
}
