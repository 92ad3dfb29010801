import { once } from 'node:events';
import { invalidArgument } from '../../errors/error.ts';
import { eventFilterKeys } from '../../events/filter.ts';
import { nowNano, parseTimestamp } from '../../lib/time.ts';
import { queryFilters, queryText } from '../http/query.ts';
import type { ApiReply, ApiRequest } from '../http/route.ts';
import type { SystemBackend } from './backend.ts';

/** `GET /events`: JSON objects, one a line, from `since` on and then live until `until`, or until the client leaves. */
export async function streamEvents(backend: SystemBackend, request: ApiRequest, reply: ApiReply): Promise<void> {
  const given = Object.entries(queryFilters(request.query));
  const filters = Object.fromEntries(given.filter(([key]) => eventFilterKeys.includes(key))); // Docker ignores the others here
  const now = nowNano();
  const since = momentOf(queryText(request.query, 'since'), now);
  const until = momentOf(queryText(request.query, 'until'), now);
  if (since !== undefined && until !== undefined && since > until) {
    throw invalidArgument(
      `\`since\` time (${queryText(request.query, 'since')}) cannot be after \`until\` time (${queryText(request.query, 'until')})`,
    );
  }
  const events = backend.events.subscribe({ filters, sinceMs: since, untilMs: until, signal: request.signal });
  const out = reply.startStream('application/json');
  backend.eventReaders += 1;
  try {
    for await (const event of events) {
      if (!out.write(`${JSON.stringify(event)}\n`) && !request.signal.aborted) await drained(out, request.signal);
    }
  } finally {
    backend.eventReaders -= 1;
    out.end();
  }
}

async function drained(out: NodeJS.EventEmitter, signal: AbortSignal): Promise<void> {
  try {
    await once(out, 'drain', { signal });
  } catch {
    // the client left: the subscription ends by the same signal
  }
}

/** Milliseconds with a fraction; undefined when not given. `0` means not given for until, as in Docker. */
function momentOf(text: string | undefined, now: bigint): number | undefined {
  return text === undefined || text === '' || text === '0' ? undefined : Number(parseTimestamp(text, now)) / 1e6;
}
