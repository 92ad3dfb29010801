// Which containerd is ours, told across a kill -9 of the daemon. The record is written before the spawn (`starting`) and after it (`pid`), and removed
// after a clean stop. A pid counts only with its start time, so that a reused pid is never signalled.
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { writeFileAtomicSync } from '../lib/atomic-file.ts';

/** A process that cannot be confused with a later one of the same pid. */
export interface ProcessIdentity {
  pid: number;
  /** Clock ticks since boot, from /proc/PID/stat. */
  startTicks: string;
}

/** What the record file tells. `config` is the TOML the process was started with. */
export type ProcessRecord = { state: 'none' } | { state: 'starting' } | ({ state: 'started'; config: string } & ProcessIdentity);

/** The record; a file that cannot be understood counts as `starting`: look for the process. */
export function readRecord(path: string): ProcessRecord {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return { state: 'none' };
  }
  try {
    const record = JSON.parse(text) as ProcessRecord; // our own file; anything odd is caught below
    if (record.state === 'started' && Number.isInteger(record.pid) && typeof record.startTicks === 'string') return record;
  } catch {
    // cut short by a crash
  }
  return { state: 'starting' };
}

/** Replaces the record. */
export function writeRecord(path: string, record: ProcessRecord): void {
  if (record.state === 'none') rmSync(path, { force: true });
  else writeFileAtomicSync(path, JSON.stringify(record), { mode: 0o600 });
}

/** The identity of a running process; undefined when there is none or it is a zombie. */
export function identify(pid: number): ProcessIdentity | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // the command name may hold spaces
  const [status, startTicks] = [fields[0], fields[19]];
  return status === 'Z' || status === 'X' || startTicks === undefined ? undefined : { pid, startTicks };
}

/** True while exactly this process runs. */
export function isAlive(process: ProcessIdentity): boolean {
  return identify(process.pid)?.startTicks === process.startTicks;
}

/** Sends a signal to exactly this process; nothing when it is gone. */
export function signalProcess(target: ProcessIdentity, signal: NodeJS.Signals): void {
  if (!isAlive(target)) return;
  try {
    process.kill(target.pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error; // it left meanwhile
  }
}

/** The process that was started with `configPath` as its config, found by its command line: for a record cut off between spawn and write. */
export function findByConfig(configPath: string): ProcessIdentity | undefined {
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    let words: string[];
    try {
      words = readFileSync(`/proc/${entry}/cmdline`, 'latin1').split('\0');
    } catch {
      continue; // ended while we looked
    }
    const found = words[1] === '--config' && words[2] === configPath ? identify(Number(entry)) : undefined;
    if (found) return found;
  }
  return undefined;
}
