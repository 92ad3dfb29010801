import { forbidden, internal, isKind, messageOf, PouchError } from '../errors/error.ts';
import { globMatches } from '../lib/glob.ts';
import type { AuthConfig, Descriptor, ImageConfigBlob, Platform } from '../types/docker/image.ts';
import { type IndexBlob, isIndexType, type ManifestBlob } from './media-types.ts';
import { familiarName, parseReference, withDefaultTag } from './reference.ts';
import { pullError, RegistryError } from './registry/errors.ts';
import { discard, HttpClient, readAll } from './registry/http.ts';
import { openEndpoint, openRepository, type RegistryConfig } from './registry/open.ts';
import { pages } from './registry/repository.ts';

/** The answer of `GET /distribution/{name}/json`. */
export interface DistributionInspect {
  Descriptor: Descriptor;
  Platforms: Platform[];
}

/** One row of `docker search`. */
export interface SearchResult {
  description: string;
  is_official: boolean;
  is_automated: boolean;
  name: string;
  star_count: number;
}

/** What the registry has under a name, without pulling it. */
export async function inspectDistribution(
  config: RegistryConfig,
  ref: string,
  options: { auth?: AuthConfig; signal?: AbortSignal },
): Promise<DistributionInspect> {
  const reference = withDefaultTag(parseReference(ref));
  using session = openRepository(reference, config, options.auth);
  try {
    const { bytes, mediaType, digest } = await session.origin.manifest(reference.digest ?? reference.tag!, options.signal);
    const parsed = JSON.parse(bytes.toString('utf8')) as Partial<IndexBlob & ManifestBlob>; // checked by use
    const platforms: Platform[] = [];
    if (isIndexType(mediaType)) {
      for (const one of parsed.manifests ?? []) if (one.platform) platforms.push(one.platform);
    } else if (parsed.config) {
      const parts: Buffer[] = [];
      for await (const part of session.origin.blob(parsed.config, 0, options.signal)) parts.push(part);
      const { architecture, os, variant } = JSON.parse(Buffer.concat(parts).toString('utf8')) as ImageConfigBlob;
      platforms.push(variant ? { architecture, os, variant } : { architecture, os });
    }
    return { Descriptor: { mediaType, digest, size: bytes.length }, Platforms: platforms };
  } catch (error) {
    if (error instanceof RegistryError && (error.status === 401 || error.status === 403)) throw forbidden(error.message, error);
    throw pullError(error, familiarName(reference));
  }
}

/** Checks credentials against a registry (`docker login`). Throws unauthenticated with the registry's words when it refuses them. */
export async function checkAuth(
  config: RegistryConfig,
  auth: AuthConfig,
  signal?: AbortSignal,
): Promise<{ Status: string; IdentityToken: string }> {
  const address = (auth.serveraddress ?? '').replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  const host = address === '' || address === 'index.docker.io' ? 'docker.io' : address;
  const http = new HttpClient();
  try {
    const endpoint = openEndpoint(host, { http, auth, insecureRegistries: config.insecureRegistries });
    await discard(await endpoint.send({ method: 'GET', path: '/v2/', accept: [200], signal }));
    return { Status: 'Login Succeeded', IdentityToken: endpoint.authorizer.identityToken };
  } catch (error) {
    if (!isKind(error, 'unauthenticated')) throw error;
    throw new PouchError('unauthenticated', `login attempt to https://${host}/v2/ failed: ${messageOf(error)}`, { cause: error });
  } finally {
    http.close();
  }
}

/** How `docker search` is asked. */
export interface SearchOptions {
  readonly auth?: AuthConfig;
  readonly limit?: number;
  readonly filters?: Record<string, string[]>;
  readonly signal?: AbortSignal;
}

/** Searches a registry (`host/term`, Docker Hub without a host): by its search API, or through its catalog where it has none. */
export async function searchRegistry(config: RegistryConfig, term: string, options: SearchOptions): Promise<SearchResult[]> {
  const slash = term.indexOf('/');
  const first = slash < 0 ? '' : term.slice(0, slash);
  const isHost = /[.:]/.test(first) || first === 'localhost';
  const host = isHost ? first : 'index.docker.io';
  const query = isHost ? term.slice(slash + 1) : term;
  const http = new HttpClient();
  try {
    const { auth, signal, limit = 25 } = options;
    const found = isHost
      ? await searchCatalog(host, query, { http, auth, signal, config })
      : await searchIndex(http, query, { limit, signal });
    return found.filter((one) => fits(one, options.filters ?? {})).slice(0, limit);
  } finally {
    http.close();
  }
}

async function searchIndex(
  http: HttpClient,
  query: string,
  { limit, signal }: { limit: number; signal?: AbortSignal },
): Promise<SearchResult[]> {
  const url = new URL('https://index.docker.io/v1/search');
  url.searchParams.set('q', query);
  url.searchParams.set('n', String(limit));
  const response = await http.send({ method: 'GET', url, headers: { 'x-docker-token': 'true' }, signal });
  if (response.status !== 200) {
    await discard(response);
    throw internal(`Unexpected status code ${response.status}`);
  }
  const { results } = JSON.parse((await readAll(response)).toString('utf8')) as { results?: SearchResult[] };
  return results ?? [];
}

async function searchCatalog(
  host: string,
  query: string,
  { http, auth, signal, config }: { http: HttpClient; auth?: AuthConfig; signal?: AbortSignal; config: RegistryConfig },
): Promise<SearchResult[]> {
  const endpoint = openEndpoint(host, { http, auth, insecureRegistries: config.insecureRegistries });
  const names: string[] = [];
  for await (const page of pages(endpoint, '/v2/_catalog?n=1000', { scope: 'registry:catalog:*', signal })) {
    names.push(...((page as { repositories?: string[] }).repositories ?? []));
  }
  const wanted = names.filter((name) => name.includes(query) || globMatches(query, name));
  return wanted.map((name) => ({
    name: `${host}/${name}`,
    description: '',
    star_count: 0,
    is_official: false,
    is_automated: false,
  }));
}

function fits(result: SearchResult, filters: Record<string, string[]>): boolean {
  const wants = (key: string, value: boolean) => !filters[key]?.length || filters[key].includes(String(value));
  const stars = Math.max(0, ...(filters['stars'] ?? []).map(Number));
  return wants('is-official', result.is_official) && wants('is-automated', result.is_automated) && result.star_count >= stars;
}
