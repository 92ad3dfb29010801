import type { Readable } from 'node:stream';
import { invalidArgument } from '../../errors/error.ts';
import { bodyStream } from '../http/body.ts';
import { queryBoolean, queryText } from '../http/query.ts';
import type { ApiReply, ApiRequest, Route } from '../http/route.ts';
import type { ProcessesBackend } from './backend.ts';
import { idOf } from './exec-routes.ts';

const statHeader = 'X-Docker-Container-Path-Stat';

/** Files of containers: export, and archive GET, HEAD and PUT. */
export function archiveRoutes(backend: ProcessesBackend): Route[] {
  return [
    {
      method: 'GET',
      path: '/containers/:id/export',
      async handler(request, reply) {
        await backend.exportRoot({ ref: idOf(request), signal: request.signal }, () =>
          reply.startStream('application/octet-stream'),
        );
        return reply;
      },
    },
    {
      method: 'HEAD',
      path: '/containers/:id/archive',
      async handler(request, reply) {
        const stat = await backend.archiveStat({ ref: idOf(request), path: pathOf(request) });
        reply.raw.setHeader(statHeader, Buffer.from(JSON.stringify(stat)).toString('base64'));
        reply.code(200);
      },
    },
    { method: 'GET', path: '/containers/:id/archive', handler: (request, reply) => get(backend, request, reply) },
    { method: 'PUT', path: '/containers/:id/archive', rawBody: true, handler: (request, reply) => put(backend, request, reply) },
  ];
}

async function get(backend: ProcessesBackend, request: ApiRequest, reply: ApiReply): Promise<unknown> {
  await backend.archiveGet({ ref: idOf(request), path: pathOf(request), signal: request.signal }, (stat) => {
    reply.raw.setHeader(statHeader, Buffer.from(JSON.stringify(stat)).toString('base64'));
    return reply.startStream('application/x-tar');
  });
  return reply;
}

async function put(backend: ProcessesBackend, request: ApiRequest, reply: ApiReply): Promise<void> {
  const query = {
    ref: idOf(request),
    path: pathOf(request),
    noOverwriteDirNonDir: queryBoolean(request.query, 'noOverwriteDirNonDir'),
    copyUidGid: queryBoolean(request.query, 'copyUIDGID'),
  };
  const body = bodyStream(request.raw);
  try {
    // A failure must not cut the connection: the answer still goes out on it.
    await backend.archivePut(query, body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>);
  } finally {
    drain(body);
  }
  reply.code(200);
}

/** Takes what is left of a body, so that the client gets to read the answer. */
function drain(body: Readable): void {
  if (!body.readableEnded && !body.destroyed) body.resume();
}

function pathOf(request: ApiRequest): string {
  const path = queryText(request.query, 'path');
  // Docker's text, its missing space included.
  if (!path) throw invalidArgument('bad parameter: pathcannot be empty');
  return path;
}
