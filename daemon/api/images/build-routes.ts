import { invalidArgument, notImplemented } from '../../errors/error.ts';
import { bodyStream } from '../http/body.ts';
import { queryBoolean, queryInteger, queryList, queryText } from '../http/query.ts';
import type { ApiReply, ApiRequest, Route } from '../http/route.ts';
import { registryConfig } from './auth-header.ts';
import type { ImagesBackend } from './backend.ts';
import { withProgress } from './progress-stream.ts';

const limitKeys = ['memory', 'memswap', 'cpushares', 'cpuperiod', 'cpuquota', 'cpusetcpus'];

/** Building: the classic builder's endpoint, its cache, and BuildKit's doors, which are closed. */
export function buildRoutes(backend: ImagesBackend): Route[] {
  const closed = (what: string) => () => {
    throw notImplemented(
      `BuildKit (${what}) is not supported by this daemon: build with the classic builder (DOCKER_BUILDKIT=0)`,
    );
  };
  return [
    { method: 'POST', path: '/build', rawBody: true, handler: (request, reply) => build(backend, request, reply) },
    { method: 'POST', path: '/build/prune', handler: async () => await backend.pruneBuildCache() },
    { method: 'POST', path: '/build/cancel', handler: closed('build/cancel') },
    { method: 'POST', path: '/session', rawBody: true, handler: closed('session') },
    { method: 'POST', path: '/grpc', rawBody: true, handler: closed('grpc') },
  ];
}

async function build(backend: ImagesBackend, request: ApiRequest, reply: ApiReply): Promise<void> {
  const { query } = request;
  if (queryText(query, 'version') === '2') throw notImplemented('BuildKit (build version 2) is not supported by this daemon');
  const buildArgs = jsonMap(queryText(query, 'buildargs'), 'buildargs');
  const labels = jsonMap(queryText(query, 'labels'), 'labels');
  const given = limitKeys.map((key) => [key, queryText(query, key) ?? '']).filter(([, value]) => value !== '' && value !== '0');
  const remote = queryText(query, 'remote') || undefined;
  const build = {
    context: bodyStream(request.raw),
    // The CLI names the stream it sends itself.
    remote: remote === 'client-session' ? undefined : remote,
    dockerfile: queryText(query, 'dockerfile') || 'Dockerfile',
    tags: queryList(query, 't').filter(Boolean),
    quiet: queryBoolean(query, 'q'),
    noCache: queryBoolean(query, 'nocache'),
    pull: queryBoolean(query, 'pull'),
    buildArgs,
    labels: Object.fromEntries(Object.entries(labels).map(([key, value]) => [key, value ?? ''])),
    target: queryText(query, 'target') || undefined,
    platform: queryText(query, 'platform') || undefined,
    networkMode: queryText(query, 'networkmode') || undefined,
    squash: queryBoolean(query, 'squash'),
    extraHosts: queryList(query, 'extrahosts').filter(Boolean),
    shmBytes: queryInteger(query, 'shmsize') ?? 0,
    limits: Object.fromEntries(given),
    ulimits: ulimitsOf(queryText(query, 'ulimits')),
    auths: registryConfig(request),
    signal: request.signal,
  };
  await withProgress(reply, (progress) => backend.build(build, progress));
}

function ulimitsOf(text: string | undefined): string[] {
  if (!text) return [];
  try {
    const list = JSON.parse(text) as { Name: string; Soft: number; Hard: number }[] | null; // a client's own mistake comes out in buildah's words
    return (list ?? []).map(({ Name, Soft, Hard }) => `${Name}=${Soft}:${Hard}`);
  } catch (error) {
    throw invalidArgument('error reading build options: ulimits is no list', error);
  }
}

function jsonMap(text: string | undefined, key: string): Record<string, string | null> {
  if (!text) return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalidArgument(`error reading build options: ${key} is not JSON`, error);
  }
  if (value === null) return {};
  const isMap =
    typeof value === 'object' &&
    !Array.isArray(value) &&
    Object.values(value).every((one) => one === null || typeof one === 'string');
  if (!isMap) throw invalidArgument(`error reading build options: ${key} is no map of texts`);
  return value as Record<string, string | null>; // every value was looked at
}
