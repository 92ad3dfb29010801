/*
 * One server that speaks the registry protocol: finds out whether it talks TLS, answers challenges, and repeats what may be repeated (no answer, 5xx, 429)
 * with growing pauses. Registries on the loopback and those named insecure may be plain HTTP or have a certificate that nobody knows.
 */

import { readdir, readFile } from 'node:fs/promises';
import { BlockList, isIP } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { internal, PouchError } from '../../errors/error.ts';
import type { AuthConfig } from '../../types/docker/image.ts';
import { Authorizer } from './auth.ts';
import { refusal } from './errors.ts';
import {
  describe,
  discard,
  type HttpClient,
  type HttpRequest,
  type HttpResponse,
  isLoopback,
  isTlsFailure,
  type TlsOptions,
} from './http.ts';

const attempts = 4;
const certsDir = '/etc/docker/certs.d';

/** Settings that decide how a registry is spoken to. */
export interface EndpointOptions {
  readonly http: HttpClient;
  readonly auth?: AuthConfig;
  /** Host names with port, or networks (`10.0.0.0/8`), that may be plain HTTP. */
  readonly insecureRegistries: readonly string[];
  /** A mirror's whole URL; otherwise the host is tried with https and, where insecure, with http. */
  readonly mirror?: URL;
}

/** A request below `/v2/`. */
export interface EndpointRequest {
  readonly method: HttpRequest['method'];
  /** Path from the root, `/v2/…`, or a whole URL from a Location header. */
  readonly path: string | URL;
  /** Token scopes, space-separated: `repository:library/busybox:pull`. */
  readonly scope?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: HttpRequest['body'];
  readonly signal?: AbortSignal;
  /** Statuses that are answers, not errors. */
  readonly accept: readonly number[];
}

/** See above. */
export class Endpoint {
  readonly host: string;
  readonly authorizer: Authorizer;
  readonly #http: HttpClient;
  readonly #isInsecure: boolean;
  #base: URL | undefined;
  #tls: TlsOptions | undefined;

  constructor(host: string, options: EndpointOptions) {
    this.host = options.mirror?.host ?? host;
    this.#http = options.http;
    this.#base = options.mirror;
    this.#isInsecure = isInsecure(this.host, options.insecureRegistries);
    this.authorizer = new Authorizer(options.http, options.auth);
  }

  /** Sends a request; an answer whose status is not accepted throws the registry's own error. */
  async send(request: EndpointRequest): Promise<HttpResponse> {
    const response = await this.#authorized(request);
    if (request.accept.includes(response.status)) return response;
    throw await refusal({ method: request.method, url: response.url }, response);
  }

  async #authorized(request: EndpointRequest): Promise<HttpResponse> {
    const scope = request.scope ?? '';
    const response = await this.#persistent(request, this.authorizer.header(scope));
    if (response.status !== 401) return response;
    const options = { tls: await this.#tlsOptions(), signal: request.signal };
    const header = await this.authorizer.answer(response, scope, options);
    if (!header) {
      if (!this.authorizer.hasCredentials && /basic/i.test(String(response.headers['www-authenticate']))) {
        await discard(response);
        throw internal(`${describe({ method: request.method, url: response.url })}: no basic auth credentials`);
      }
      return response;
    }
    // A stream was sent already and cannot be sent again; callers authorise with a small request first.
    if (request.body !== undefined && !(request.body instanceof Uint8Array)) return response;
    await discard(response);
    return await this.#persistent(request, header);
  }

  async #persistent(request: EndpointRequest, authorization: string | undefined): Promise<HttpResponse> {
    const isRepeatable = request.method === 'GET' || request.method === 'HEAD';
    for (let attempt = 1; ; attempt++) {
      try {
        const response = await this.#once(request, authorization);
        const isBusy = response.status === 429 || response.status >= 500;
        if (!isBusy || !isRepeatable || attempt === attempts || request.accept.includes(response.status)) return response;
        await discard(response);
        await delay(Math.min(Number(response.headers['retry-after'] ?? 0) * 1000, 10_000) || 100 * 2 ** attempt, undefined, {
          signal: request.signal,
        });
      } catch (error) {
        if (request.signal?.aborted) throw request.signal.reason;
        // A refused connection is an answer: nobody is there.
        if (!isRepeatable || attempt === attempts || /connection refused|no such host|certificate/.test(String(error)))
          throw error;
        await delay(100 * 2 ** attempt, undefined, { signal: request.signal });
      }
    }
  }

  async #once(
    { method, path, headers, body, signal }: EndpointRequest,
    authorization: string | undefined,
  ): Promise<HttpResponse> {
    const base = this.#base ?? (await this.#findBase(signal));
    const url = typeof path === 'string' ? new URL(base.pathname.replace(/\/$/, '') + path, base) : path;
    const isOurs = url.host === base.host;
    const sent = { ...headers, ...(authorization && isOurs ? { authorization } : {}) };
    return await this.#http.send({ method, url, headers: sent, body, signal }, await this.#tlsOptions());
  }

  async #tlsOptions(): Promise<TlsOptions> {
    this.#tls ??= { ...(await readCerts(this.host)), ...(this.#isInsecure ? { rejectUnauthorized: false } : {}) };
    return this.#tls;
  }

  /** https always comes first, as Docker has it; http only where the registry is insecure. */
  async #findBase(signal?: AbortSignal): Promise<URL> {
    const secure = new URL(`https://${this.host}/`);
    if (!this.#isInsecure) {
      this.#base = secure;
      return secure;
    }
    try {
      await discard(await this.#http.send({ method: 'GET', url: new URL('/v2/', secure), signal }, await this.#tlsOptions()));
      this.#base = secure;
    } catch (error) {
      if (!isTlsFailure(error) && !/connection refused/.test(String(error))) throw error;
      this.#base = new URL(`http://${this.host}/`);
    }
    return this.#base;
  }
}

/** True for registries on the loopback, and for those that the configuration names (`host:port`, `host`, a network, `*`). */
export function isInsecure(host: string, insecure: readonly string[]): boolean {
  const url = new URL(`http://${host}`);
  if (isLoopback(url)) return true;
  const name = url.hostname.replace(/^\[|\]$/g, '');
  return insecure.some((one) => one === host || one === name || networkHas(one, name));
}

function networkHas(network: string, address: string): boolean {
  const [base = '', bits] = network.split('/');
  const version = isIP(base);
  if (bits === undefined || version === 0 || isIP(address) !== version) return false;
  const family = version === 6 ? 'ipv6' : 'ipv4';
  const list = new BlockList();
  list.addSubnet(base, Number(bits), family);
  return list.check(address, family);
}

/** Authorities and client certificates that an administrator put at Docker's place for a host. */
async function readCerts(host: string): Promise<TlsOptions> {
  const dir = join(certsDir, host);
  const names = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
    throw new PouchError('internal', `cannot read ${dir}: ${error.message}`, { cause: error });
  });
  if (names.length === 0) return {};
  const text = (name: string) => readFile(join(dir, name), 'utf8');
  const cert = names.find((name) => name.endsWith('.cert'));
  const key = cert && names.find((name) => name === cert.replace(/cert$/, 'key'));
  if (cert && !key) throw internal(`missing key ${cert.replace(/cert$/, 'key')} for client certificate ${cert}`);
  return {
    ca: await Promise.all(names.filter((name) => name.endsWith('.crt')).map(text)),
    ...(cert && key ? { cert: await text(cert), key: await text(key) } : {}),
  };
}
