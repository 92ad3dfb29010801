import { invalidArgument } from '../errors/error.ts';
import type { Ulimit } from '../types/docker/container.ts';
import type { HostFacts } from './contract.ts';
import type { OciProcess } from './oci.ts';

const names = new Set([
  'as',
  'core',
  'cpu',
  'data',
  'fsize',
  'locks',
  'memlock',
  'msgqueue',
  'nice',
  'nofile',
  'nproc',
  'rss',
  'rtprio',
  'rttime',
  'sigpending',
  'stack',
]);

/** Throws invalidArgument for a ulimit that Docker's engine refuses. */
export function checkUlimit(limit: Ulimit): void {
  if (!names.has(String(limit.Name ?? '').toLowerCase())) throw invalidArgument(`invalid ulimit type: ${limit.Name}`);
  if (limit.Hard !== -1 && limit.Soft > limit.Hard) {
    throw invalidArgument(`ulimit soft limit must be less than or equal to hard limit: ${limit.Soft} > ${limit.Hard}`);
  }
}

const unlimited = Number.MAX_SAFE_INTEGER;

/** Ulimits as the runtime wants them. A hard limit above what the daemon may set is lowered to that, instead of failing in the runtime. */
export function rlimitsOf(ulimits: readonly Ulimit[], ceilings: HostFacts['rlimitCeilings']): OciProcess['rlimits'] {
  return ulimits.map((limit) => {
    const type = `RLIMIT_${limit.Name.toUpperCase()}`;
    const ceiling = ceilings[type] ?? unlimited;
    const hard = Math.min(limit.Hard < 0 ? unlimited : limit.Hard, ceiling);
    return { type, hard, soft: Math.min(limit.Soft < 0 ? unlimited : limit.Soft, hard) };
  });
}

/** The oom_score_adj to set: what was asked for, or the lowest the daemon may set. */
export function oomScoreOf(wanted: number, host: Pick<HostFacts, 'minOomScoreAdj'>): number {
  return Math.max(wanted, host.minOomScoreAdj);
}
