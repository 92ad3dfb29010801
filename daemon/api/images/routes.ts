/*
 * The image endpoints of the Docker API. Names hold slashes, so `/images/*` and `/distribution/*` are wildcards, and the last part of the path tells the verb.
 */
import { invalidArgument, notFound } from '../../errors/error.ts';
import { checkFilterKeys } from '../../lib/filters.ts';
import type { ContainerConfig } from '../../types/docker/container.ts';
import type { ImageSummary } from '../../types/docker/image.ts';
import { bodyStream } from '../http/body.ts';
import { queryBoolean, queryFilters, queryInteger, queryList, queryText } from '../http/query.ts';
import type { ApiReply, ApiRequest, Route, Routes } from '../http/route.ts';
import { isBefore } from '../http/version.ts';
import { registryAuth } from './auth-header.ts';
import { type ImagesBackend, joinName } from './backend.ts';
import { buildRoutes } from './build-routes.ts';
import { withProgress } from './progress-stream.ts';

/** See above. */
export const imageRoutes: Routes<ImagesBackend> = (backend): Route[] => [
  { method: 'GET', path: '/images/json', handler: (request) => list(backend, request) },
  { method: 'POST', path: '/images/create', rawBody: true, handler: (request, reply) => create(backend, request, reply) },
  { method: 'POST', path: '/images/load', rawBody: true, handler: (request, reply) => load(backend, request, reply) },
  {
    method: 'GET',
    path: '/images/get',
    handler: (request, reply) => save(backend, request, { reply, refs: queryList(request.query, 'names') }),
  },
  { method: 'GET', path: '/images/search', handler: (request) => search(backend, request) },
  {
    method: 'POST',
    path: '/images/prune',
    handler: async (request) => await backend.prune(queryFilters(request.query)),
  },
  { method: 'GET', path: '/images/*', handler: (request, reply) => read(backend, request, reply) },
  { method: 'POST', path: '/images/*', handler: (request, reply) => change(backend, request, reply) },
  {
    method: 'DELETE',
    path: '/images/*',
    handler: async (request) =>
      await backend.images.remove(request.params['*'] ?? '', {
        force: queryBoolean(request.query, 'force'),
        pruneParents: !queryBoolean(request.query, 'noprune'),
      }),
  },
  {
    method: 'GET',
    path: '/distribution/*',
    async handler(request) {
      const { name, verb } = split(request);
      if (verb !== 'json') throw notFound('page not found');
      return await backend.distribution(name, { auth: registryAuth(request), signal: request.signal });
    },
  },
  { method: 'POST', path: '/commit', handler: (request, reply) => commit(backend, request, reply) },
  ...buildRoutes(backend),
];

/** `a/b:1/json` -> name `a/b:1`, verb `json`. */
function split(request: ApiRequest): { name: string; verb: string } {
  const rest = request.params['*'] ?? '';
  const slash = rest.lastIndexOf('/');
  return { name: rest.slice(0, Math.max(0, slash)), verb: rest.slice(slash + 1) };
}

async function list(backend: ImagesBackend, request: ApiRequest): Promise<object[]> {
  const { query, apiVersion } = request;
  const filters = queryFilters(query);
  const oldName = isBefore(apiVersion, '1.41') ? queryText(query, 'filter') : undefined;
  if (oldName) filters['reference'] = [...(filters['reference'] ?? []), oldName];
  const rows = await backend.images.summaries({
    all: queryBoolean(query, 'all'),
    filters,
    sharedSize: queryBoolean(query, 'shared-size'),
  });
  return rows.map((row) => forVersion(row, apiVersion));
}

/** 1.43 dropped the `<none>` names, 1.44 VirtualSize. */
function forVersion(row: ImageSummary, apiVersion: string): object {
  const { VirtualSize, ...rest } = row;
  const isDangling = row.RepoTags?.[0] === '<none>:<none>';
  return {
    ...rest,
    ...(isBefore(apiVersion, '1.44') ? { VirtualSize } : {}),
    ...(isDangling && !isBefore(apiVersion, '1.43') ? { RepoTags: [], RepoDigests: [] } : {}),
  };
}

async function create(backend: ImagesBackend, request: ApiRequest, reply: ApiReply): Promise<void> {
  const { query, signal } = request;
  const image = queryText(query, 'fromImage');
  const platform = queryText(query, 'platform') || undefined;
  const tag = queryText(query, 'tag') || undefined;
  if (image) {
    const ref = joinName(image, tag);
    const allTags = !tag && !/@|:[^/]*$/.test(image);
    const snapshotter = queryText(query, 'snapshotter') || undefined;
    await withProgress(reply, async (progress) => {
      await backend.images.pull({ ref, allTags, platform, auth: registryAuth(request), snapshotter }, progress, signal);
    });
    return;
  }
  const source = queryText(query, 'fromSrc');
  if (!source) throw invalidArgument('no image or source given: fromImage or fromSrc is needed');
  const repo = queryText(query, 'repo') || undefined;
  const message = queryText(query, 'message');
  const options = { source, ref: repo && joinName(repo, tag), message, changes: queryList(query, 'changes'), platform, signal };
  await withProgress(reply, async (progress) => progress({ status: await backend.import(bodyStream(request.raw), options) }));
}

async function load(backend: ImagesBackend, request: ApiRequest, reply: ApiReply): Promise<void> {
  const quiet = queryBoolean(request.query, 'quiet');
  const platform = queryText(request.query, 'platform') || undefined;
  const options = { quiet, platform, signal: request.signal };
  // Docker tells a broken archive in the stream: clients look for the error there.
  await withProgress(reply, (progress) => backend.load(bodyStream(request.raw), progress, options), { streamsErrors: true });
}

async function save(
  backend: ImagesBackend,
  request: ApiRequest,
  { reply, refs }: { reply: ApiReply; refs: string[] },
): Promise<void> {
  if (refs.length === 0) throw invalidArgument('no image names given');
  const tar = await backend.save(refs, request.signal);
  const out = reply.startStream('application/x-tar');
  const { pipeline } = await import('node:stream/promises');
  await pipeline(tar, out);
}

async function search(backend: ImagesBackend, request: ApiRequest): Promise<object[]> {
  const term = queryText(request.query, 'term') ?? '';
  const limit = queryInteger(request.query, 'limit');
  if (limit !== undefined && (limit < 1 || limit > 100)) throw invalidArgument(`limit ${limit} is outside the range of [1, 100]`);
  const filters = queryFilters(request.query);
  checkFilterKeys(filters, ['is-automated', 'is-official', 'stars']);
  return await backend.search(term, { auth: registryAuth(request), limit, filters, signal: request.signal });
}

async function read(backend: ImagesBackend, request: ApiRequest, reply: ApiReply): Promise<unknown> {
  const { name, verb } = split(request);
  switch (verb) {
    case 'json': {
      const { VirtualSize, ...image } = await backend.images.inspect(name);
      return isBefore(request.apiVersion, '1.44') ? { ...image, VirtualSize } : image;
    }
    case 'history':
      return await backend.history(name);
    case 'get':
      return await save(backend, request, { reply, refs: [name] });
    default:
      throw notFound('page not found');
  }
}

async function change(backend: ImagesBackend, request: ApiRequest, reply: ApiReply): Promise<unknown> {
  const { name, verb } = split(request);
  const { query } = request;
  switch (verb) {
    case 'tag':
      await backend.images.tag(name, { repo: queryText(query, 'repo') ?? '', tag: queryText(query, 'tag') || undefined });
      reply.code(201);
      return undefined;
    case 'push': {
      const tag = queryText(query, 'tag') || undefined;
      const push = { repo: name, tag, auth: registryAuth(request), signal: request.signal };
      return await withProgress(reply, (progress) => backend.push(push, progress));
    }
    default:
      throw notFound('page not found');
  }
}

async function commit(backend: ImagesBackend, request: ApiRequest, reply: ApiReply): Promise<{ Id: string }> {
  const { query } = request;
  if (!queryText(query, 'container')) throw invalidArgument('invalid name or ID supplied: ""');
  const body = request.body as ContainerConfig | null | undefined; // Docker takes any object here
  if (body !== undefined && (typeof body !== 'object' || Array.isArray(body)))
    throw invalidArgument('invalid JSON: not a container configuration');
  const result = await backend.commit({
    container: queryText(query, 'container') ?? '',
    repo: queryText(query, 'repo') || undefined,
    tag: queryText(query, 'tag') || undefined,
    comment: queryText(query, 'comment') || undefined,
    author: queryText(query, 'author') || undefined,
    pause: queryBoolean(query, 'pause', true),
    changes: queryList(query, 'changes'),
    body: body ?? undefined,
    signal: request.signal,
  });
  reply.code(201);
  return result;
}
