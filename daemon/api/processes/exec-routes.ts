import { invalidArgument } from '../../errors/error.ts';
import type { ExecConfig } from '../../types/docker/container.ts';
import { queryInteger } from '../http/query.ts';
import type { ApiReply, ApiRequest, Route } from '../http/route.ts';
import type { ProcessesBackend } from './backend.ts';

/** Create, start, inspect and resize of execs. */
export function execRoutes(backend: ProcessesBackend): Route[] {
  return [
    {
      method: 'POST',
      path: '/containers/:id/exec',
      async handler(request, reply) {
        const created = await backend.execCreate(idOf(request), objectBody<ExecConfig>(request));
        reply.code(201);
        return created;
      },
    },
    { method: 'POST', path: '/exec/:id/start', handler: (request, reply) => start(backend, request, reply) },
    { method: 'GET', path: '/exec/:id/json', handler: (request) => backend.execInspect(idOf(request)) },
    {
      method: 'POST',
      path: '/exec/:id/resize',
      async handler(request, reply) {
        const { height, width } = sizeOf(request);
        await backend.execResize(idOf(request), height, width);
        reply.code(200);
      },
    },
  ];
}

/** The part of an exec start's body that counts. */
interface ExecStartBody {
  Detach?: boolean;
  Tty?: boolean;
  ConsoleSize?: [number, number] | null;
}

async function start(backend: ProcessesBackend, request: ApiRequest, reply: ApiReply): Promise<unknown> {
  const body = objectBody<ExecStartBody>(request, {});
  const consoleSize = body.ConsoleSize ?? undefined;
  if (body.Detach) {
    await backend.execStartDetached(idOf(request), { consoleSize });
    reply.code(200);
    return undefined;
  }
  // The exec goes on when its client leaves, as in Docker: no signal of the request.
  await backend.execStartAttached(idOf(request), { consoleSize, open: (options) => reply.upgrade(options) });
  return reply;
}

/** The `:id` of the path. */
export function idOf(request: ApiRequest): string {
  return request.params['id'] ?? '';
}

/** A JSON object body; `missing` stands in for none. Throws invalidArgument for anything else. */
export function objectBody<T extends object>(request: ApiRequest, missing?: T): T {
  const { body } = request;
  if (body === undefined || body === null) {
    if (missing) return missing;
    throw invalidArgument('invalid JSON: got EOF while reading request body');
  }
  if (typeof body !== 'object' || Array.isArray(body)) throw invalidArgument('invalid JSON: the body is not an object');
  return body as T; // fields are read with care by who uses them
}

/** `h` and `w` of a resize. */
export function sizeOf(request: ApiRequest): { height: number; width: number } {
  return { height: queryInteger(request.query, 'h') ?? missing(), width: queryInteger(request.query, 'w') ?? missing() };
}

function missing(): never {
  throw invalidArgument('strconv.Atoi: parsing "": invalid syntax');
}
