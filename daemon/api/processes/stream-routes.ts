import { once } from 'node:events';
import { invalidArgument } from '../../errors/error.ts';
import { nowNano, parseTimestamp } from '../../lib/time.ts';
import { queryBoolean, queryInteger, queryText } from '../http/query.ts';
import type { ApiReply, ApiRequest, Route } from '../http/route.ts';
import { isBefore } from '../http/version.ts';
import { attachQuery } from './attach-query.ts';
import type { ProcessesBackend } from './backend.ts';
import { idOf, sizeOf } from './exec-routes.ts';

/** Attach, logs, statistics, resize, top and changes. */
export function streamRoutes(backend: ProcessesBackend): Route[] {
  return [
    {
      method: 'POST',
      path: '/containers/:id/attach',
      rawBody: true,
      handler: (request, reply) => attach(backend, request, reply),
    },
    {
      method: 'GET',
      path: '/containers/:id/attach/ws',
      async handler(request, reply) {
        const { attachWebSocket } = await import('./web-socket.ts');
        return await attachWebSocket(backend, request, reply);
      },
    },
    { method: 'GET', path: '/containers/:id/logs', handler: (request, reply) => logs(backend, request, reply) },
    { method: 'GET', path: '/containers/:id/stats', handler: (request, reply) => stats(backend, request, reply) },
    {
      method: 'POST',
      path: '/containers/:id/resize',
      async handler(request, reply) {
        const { height, width } = sizeOf(request);
        await backend.resize(idOf(request), height, width);
        reply.code(200);
      },
    },
    {
      method: 'GET',
      path: '/containers/:id/top',
      handler: (request) => backend.top(idOf(request), queryText(request.query, 'ps_args')),
    },
    { method: 'GET', path: '/containers/:id/changes', handler: (request) => backend.changes(idOf(request)) },
  ];
}

async function attach(backend: ProcessesBackend, request: ApiRequest, reply: ApiReply): Promise<unknown> {
  await backend.attach(idOf(request), { ...attachQuery(request), open: (options) => reply.upgrade(options) });
  return reply;
}

async function logs(backend: ProcessesBackend, request: ApiRequest, reply: ApiReply): Promise<unknown> {
  const { query, signal } = request;
  const ref = idOf(request);
  const framed = backend.isFramed(ref) && !isBefore(request.apiVersion, '1.42');
  const chunks = await backend.logs(ref, {
    stdout: queryBoolean(query, 'stdout'),
    stderr: queryBoolean(query, 'stderr'),
    sinceNano: momentOf(queryText(query, 'since')),
    untilNano: momentOf(queryText(query, 'until')),
    tail: tailOf(queryText(query, 'tail')),
    follow: queryBoolean(query, 'follow'),
    timestamps: queryBoolean(query, 'timestamps'),
    details: queryBoolean(query, 'details'),
    signal,
  });
  const out = reply.startStream(`application/vnd.docker.${framed ? 'multiplexed' : 'raw'}-stream`);
  await send(chunks, out, signal);
  return reply;
}

async function stats(backend: ProcessesBackend, request: ApiRequest, reply: ApiReply): Promise<unknown> {
  const { query, signal } = request;
  const ref = idOf(request);
  const stream = queryBoolean(query, 'stream', true);
  const oneShot = queryBoolean(query, 'one-shot');
  if (stream && oneShot) throw invalidArgument('cannot have stream=true and one-shot=true');
  backend.isFramed(ref); // throws before the header when there is no such container
  const out = reply.startStream('application/json');
  await send(lines(backend.stats({ ref, stream, oneShot, signal })), out, signal);
  return reply;
}

async function* lines(objects: AsyncIterable<object>): AsyncGenerator<string> {
  for await (const one of objects) yield `${JSON.stringify(one)}\n`;
}

/** Writes all chunks at the client's pace and ends; a client that left ends it early. */
async function send(
  chunks: AsyncIterable<Buffer | string>,
  out: ReturnType<ApiReply['startStream']>,
  signal: AbortSignal,
): Promise<void> {
  for await (const chunk of chunks) {
    if (signal.aborted) return;
    if (!out.write(chunk)) await once(out, 'drain', { signal }).catch(() => undefined); // aborted: the client left
  }
  out.end();
}

function momentOf(text: string | undefined): bigint | undefined {
  if (text === undefined || text === '' || text === '0') return undefined;
  try {
    return parseTimestamp(text, nowNano());
  } catch (error) {
    throw invalidArgument(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`, error);
  }
}

/** Docker takes anything that is no number as all. */
function tailOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? (queryInteger({ tail: text }, 'tail') ?? undefined) : undefined;
}
