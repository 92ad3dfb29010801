/*
 * The lifecycle routes of containers. Parameters are read here, everything else is the containers room's. What Docker answers with which status stands beside each route.
 */

import type { WaitCondition } from '../../containers/contract.ts';
import { listFilterKeys } from '../../containers/list-filters.ts';
import { invalidArgument } from '../../errors/error.ts';
import type { ContainerCreateConfig, UpdateConfig } from '../../types/docker/container.ts';
import { bodyStream, parseJson } from '../http/body.ts';
import { queryBoolean, queryFilters, queryInteger, queryText } from '../http/query.ts';
import type { ApiRequest, Route, Routes } from '../http/route.ts';
import { isBefore } from '../http/version.ts';
import type { ContainersBackend } from './backend.ts';

const id = (request: ApiRequest) => request.params['id'] ?? '';

/** A JSON object as body, or Docker's complaint. */
function objectBody(request: ApiRequest): object {
  const { body } = request;
  if (body === undefined) throw invalidArgument('invalid JSON: got EOF while reading request body');
  if (body === null) return {}; // Docker then complains of an empty configuration
  if (typeof body !== 'object' || Array.isArray(body)) {
    throw invalidArgument('invalid JSON: json: cannot unmarshal body into Go value of type container.CreateRequest');
  }
  return body;
}

/** Before 1.44 a container was created on one network, and connected to others afterwards. */
function checkEndpointCount({ NetworkingConfig }: ContainerCreateConfig, apiVersion: string): void {
  const names = Object.keys(NetworkingConfig?.EndpointsConfig ?? {});
  if (names.length > 1 && isBefore(apiVersion, '1.44')) {
    throw invalidArgument(`Container cannot be connected to network endpoints: ${names.sort().join(', ')}`);
  }
}

/** A start has no body of its own; Docker lets a few bytes pass (`{}`, `null`). */
function checkStartBody({ headers }: ApiRequest): void {
  if (Number(headers['content-length'] ?? 0) > 7) {
    throw invalidArgument('starting container with non-empty request body was deprecated since API v1.22 and removed in v1.24');
  }
}

function stopOptions({ query }: ApiRequest) {
  return { timeoutSeconds: queryInteger(query, 't'), signal: queryText(query, 'signal') || undefined };
}

function waitCondition(text: string | undefined): WaitCondition {
  switch (text ?? '') {
    case '':
    case 'not-running':
      return 'not-running';
    case 'next-exit':
      return 'next-exit';
    case 'removed':
      return 'removed';
    default:
      throw invalidArgument(`invalid condition: ${JSON.stringify(text)}`);
  }
}

/** The routes. */
export const containerRoutes: Routes<ContainersBackend> = (backend) => {
  const { lifecycle } = backend;
  /** A verb without an answer: 204. */
  const verb = (path: string, run: (request: ApiRequest) => Promise<void>): Route => ({
    method: 'POST',
    path: `/containers/:id/${path}`,
    async handler(request, reply) {
      await run(request);
      reply.code(204);
    },
  });
  return [
    {
      method: 'POST',
      path: '/containers/create',
      async handler(request, reply) {
        const config = objectBody(request) as ContainerCreateConfig; // its JSON types are checked by create
        checkEndpointCount(config, request.apiVersion);
        reply.code(201);
        return await lifecycle.create(config, {
          name: queryText(request.query, 'name') || undefined,
          platform: queryText(request.query, 'platform') || undefined,
          signal: request.signal,
        });
      },
    },
    {
      method: 'GET',
      path: '/containers/json',
      handler({ query }) {
        const limit = queryInteger(query, 'limit');
        return backend.listBody({
          all: queryBoolean(query, 'all'),
          size: queryBoolean(query, 'size'),
          ...(limit === undefined ? {} : { limit }),
          filters: queryFilters(query, listFilterKeys),
        });
      },
    },
    {
      method: 'GET',
      path: '/containers/:id/json',
      handler: (request) =>
        backend.inspectBody(id(request), { size: queryBoolean(request.query, 'size'), apiVersion: request.apiVersion }),
    },
    {
      method: 'POST',
      path: '/containers/:id/start',
      rawBody: true,
      async handler(request, reply) {
        checkStartBody(request);
        await lifecycle.start(id(request), { detachKeys: queryText(request.query, 'detachKeys'), signal: request.signal });
        reply.code(204);
      },
    },
    verb('stop', (request) => lifecycle.stop(id(request), stopOptions(request))),
    verb('restart', (request) => lifecycle.restart(id(request), stopOptions(request))),
    verb('kill', (request) => lifecycle.kill(id(request), queryText(request.query, 'signal') || undefined)),
    verb('pause', (request) => lifecycle.pause(id(request))),
    verb('unpause', (request) => lifecycle.unpause(id(request))),
    verb('rename', (request) => {
      const name = queryText(request.query, 'name') ?? '';
      if (name === '') throw invalidArgument('Neither old nor new names may be empty'); // before an unknown container
      return lifecycle.rename(id(request), name);
    }),
    {
      method: 'POST',
      path: '/containers/:id/update',
      rawBody: true,
      async handler(request) {
        const stream = await backend.preUpdate(bodyStream(request.raw));
        const chunks: Buffer[] = [];
        for await (const chunk of stream) chunks.push(Buffer.from(chunk));
        const body = parseJson(Buffer.concat(chunks), request.headers['content-type']);
        if (body === null || typeof body !== 'object') throw invalidArgument('invalid JSON: got EOF while reading request body');
        return await lifecycle.update(id(request), body as UpdateConfig); // its JSON types are checked by update
      },
    },
    {
      method: 'POST',
      path: '/containers/:id/wait',
      async handler(request, reply) {
        const { registered, result } = lifecycle.wait(
          id(request),
          waitCondition(queryText(request.query, 'condition')),
          request.signal,
        );
        result.catch(() => undefined); // a client that leaves: nobody is there to be told
        await registered;
        const stream = reply.startStream('application/json'); // the CLI sends start only when it has this header
        const { StatusCode, Error: failure = null } = await result;
        const answer = failure || isBefore(request.apiVersion, '1.42') ? { Error: failure, StatusCode } : { StatusCode };
        stream.end(`${JSON.stringify(answer)}\n`);
      },
    },
    {
      method: 'DELETE',
      path: '/containers/:id',
      async handler(request, reply) {
        const { query } = request;
        await lifecycle.remove(id(request), {
          force: queryBoolean(query, 'force'),
          volumes: queryBoolean(query, 'v'),
          link: queryBoolean(query, 'link'),
        });
        reply.code(204);
      },
    },
    {
      method: 'POST',
      path: '/containers/prune',
      handler: ({ query }) => lifecycle.prune(queryFilters(query)),
    },
  ];
};
