import { internal, invalidArgument, messageOf } from '../errors/error.ts';
import { run } from '../lib/process.ts';
import { mustRun } from './active-container.ts';
import type { ProcessRoom } from './process-room.ts';

/** The answer of top. */
export interface TopResult {
  Titles: string[];
  Processes: string[][];
}

/** The processes of a running container as the host's `ps` shows them with `psArgs` (default `-ef`). */
export async function top(room: ProcessRoom, ref: string, psArgs = ''): Promise<TopResult> {
  const args = psArgs || '-ef';
  // Another column named PID would be taken for it. Docker's rule and text.
  for (const [, keyword, header] of args.matchAll(/\s+([^\s]*)=\s*(PID[^\s]*)/g)) {
    if (keyword !== 'pid') throw invalidArgument(`specifying "${keyword}=${header}" is not allowed`);
  }
  const container = room.table.resolve(ref);
  mustRun(container);
  const { processes } = await room.ctrd.client.tasks.listPids({ containerId: container.record.id });
  const pids = processes.map(({ pid }) => pid);
  const result = parsePs(await ps(args.split(' ').filter(Boolean), pids), new Set(pids));
  room.table.event(container, 'top');
  return result;
}

async function ps(args: string[], pids: number[]): Promise<string> {
  // Some options (f, H …) go ill with -q: then all processes are asked for and ours picked.
  const some = await run('ps', [...args, `-q${pids.join(',')}`], { allowFailure: true, maxBytes: 16 << 20 });
  if (some.exitCode === 0) return some.stdout;
  const all = await run('ps', args, { allowFailure: true, maxBytes: 16 << 20 });
  if (all.exitCode !== 0) throw internal(`ps: ${all.stderr.split('\n')[0] || `exit status ${all.exitCode}`}`);
  return all.stdout;
}

/** Docker's reading of ps: the columns of the title line, the last one taking what is left; lines of other processes are dropped. Exported for tests. */
export function parsePs(output: string, pids: ReadonlySet<number>): TopResult {
  const lines = output.split('\n');
  const Titles = fieldsOf(lines[0] ?? '');
  const pidColumn = Titles.indexOf('PID');
  if (pidColumn < 0) throw internal("Couldn't find PID field in ps output");
  const Processes: string[][] = [];
  let wasOurs = false;
  for (const line of lines.slice(1)) {
    if (line === '') continue;
    const fields = fieldsOf(line);
    const pid = fields[pidColumn] ?? '';
    if (pid !== '-') {
      if (!/^\d+$/.test(pid))
        throw internal(`Unexpected pid '${pid}': ${messageOf(`strconv.Atoi: parsing ${JSON.stringify(pid)}: invalid syntax`)}`);
      wasOurs = pids.has(Number(pid));
    } // a line of a thread belongs to the process above it
    if (wasOurs) Processes.push([...fields.slice(0, Titles.length - 1), fields.slice(Titles.length - 1).join(' ')]);
  }
  return { Titles, Processes };
}

function fieldsOf(line: string): string[] {
  return line.split(/[ \t\n\v\f\r]+/).filter(Boolean);
}
