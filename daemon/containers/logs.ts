import { invalidArgument } from '../errors/error.ts';
import { formatNano } from '../lib/time.ts';
import type { ContainerLog, LogEntry } from '../stdio/contract.ts';
import { frameHeader } from '../stdio/frame.ts';
import type { LiveContainer } from './live.ts';
import type { ProcessRoom } from './process-room.ts';

/** What of a container's log is wanted, and in which form. */
export interface LogsQuery {
  stdout: boolean;
  stderr: boolean;
  sinceNano?: bigint;
  untilNano?: bigint;
  /** Undefined is all. */
  tail?: number;
  follow: boolean;
  timestamps: boolean;
  details: boolean;
  signal?: AbortSignal;
}

/** A container's log, opened when it is not open yet. */
export async function containerLog(room: Pick<ProcessRoom, 'table'>, container: LiveContainer): Promise<ContainerLog> {
  if (container.log) return container.log;
  const opened = await room.table.openLog(container);
  container.log ??= opened; // somebody else may have been faster; one that was only opened holds nothing
  return container.log;
}

/** Whether a container's logs and attach are sent in frames: those with a terminal are not. */
export function isFramed(room: Pick<ProcessRoom, 'table'>, ref: string): boolean {
  return room.table.resolve(ref).record.config.Tty !== true;
}

/** The bytes that a logs request is answered with. Everything that can be refused is refused before the first chunk: by the promise. */
export async function logs(room: ProcessRoom, ref: string, query: LogsQuery): Promise<AsyncIterable<Buffer>> {
  const container = room.table.resolve(ref);
  if (!query.stdout && !query.stderr) throw invalidArgument('Bad parameters: you must choose at least one stream');
  const log = await containerLog(room, container);
  const { state, config } = container.record;
  const { timestamps, details, ...read } = query;
  // A container that does not run logs nothing more: follow ends at once, as in Docker.
  const entries = log.read({ ...read, follow: query.follow && state.Running });
  return formatted(entries, { timestamps, details, framed: config.Tty !== true });
}

async function* formatted(
  batches: AsyncIterable<LogEntry[]>,
  form: { timestamps: boolean; details: boolean; framed: boolean },
): AsyncGenerator<Buffer> {
  for await (const batch of batches) yield Buffer.concat(batch.flatMap((entry) => format(entry, form)));
}

function format(
  { stream, line, timeNano, attrs }: LogEntry,
  form: { timestamps: boolean; details: boolean; framed: boolean },
): Buffer[] {
  const stamp = form.timestamps ? `${formatNano(timeNano)} ` : '';
  const detail = form.details ? `${attributeText(attrs)} ` : '';
  const prefix = Buffer.from(stamp + detail);
  return form.framed ? [frameHeader(stream, prefix.length + line.length), prefix, line] : [prefix, line];
}

/** `a=1,b=2` with both sides escaped as in a URL's query, sorted. */
function attributeText(attrs: Record<string, string> | undefined): string {
  const quote = (text: string) => encodeURIComponent(text).replace(/%20/g, '+');
  return Object.entries(attrs ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${quote(key)}=${quote(value)}`)
    .join(',');
}
