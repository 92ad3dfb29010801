/*
 * One HTTP exchange with a registry over node:http(s): bodies stream both ways, redirects are followed without leaking credentials to another host, proxies
 * come from the environment. What fails below HTTP leaves as a PouchError with the text Docker's clients know.
 */
import * as http from 'node:http';
import * as https from 'node:https';
import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { getCACertificates } from 'node:tls';
import { internal, PouchError } from '../../errors/error.ts';

/** The authorities that the host trusts and those that came with Node: a company's own is among the host's, as for dockerd. Read at the first need: it costs some milliseconds. */
function authorities(): string[] {
  return [...getCACertificates('default'), ...getCACertificates('system')]; // Node keeps both lists
}

/** What TLS needs beyond these authorities. */
export interface TlsOptions {
  readonly rejectUnauthorized?: boolean;
  readonly ca?: readonly string[];
  readonly cert?: string;
  readonly key?: string;
}

/** One request. A stream as body is sent once, so such a request is never repeated here. */
export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | AsyncIterable<Uint8Array>;
  readonly signal?: AbortSignal;
}

/** An answer whose body is read by the caller (`readAll`, `discard`, or as a stream). */
export interface HttpResponse {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  /** Where it came from after redirects. */
  readonly url: URL;
  readonly body: Readable;
}

const maxRedirects = 10;
/** How long a registry may be silent; one that takes an upload may have to sort it away. */
const idleTimeoutMs = { read: 60_000, write: 600_000 };

/** Connections to registries; `close` ends the idle ones. */
export class HttpClient {
  readonly #http = new http.Agent({ keepAlive: true, proxyEnv: process.env });
  /** The loopback is never behind a proxy, as in Go. */
  readonly #loopback = new http.Agent({ keepAlive: true });
  readonly #https = new Map<string, https.Agent>();
  readonly #tlsIds = new Map<TlsOptions, number>();

  /** Sends a request and follows redirects of GET and HEAD. Throws when no answer comes. */
  async send(request: HttpRequest, tls: TlsOptions = {}): Promise<HttpResponse> {
    let current = request;
    for (let redirects = 0; ; redirects++) {
      const response = await this.#exchange(current, tls);
      const location = response.headers.location;
      const isRedirect = [301, 302, 303, 307, 308].includes(response.status) && location !== undefined;
      if (!isRedirect || (request.method !== 'GET' && request.method !== 'HEAD')) return response;
      await discard(response);
      if (redirects === maxRedirects) throw internal(`${describe(request)}: stopped after ${maxRedirects} redirects`);
      const url = new URL(location, current.url);
      const isSameHost = url.host === current.url.host && !(current.url.protocol === 'https:' && url.protocol === 'http:');
      current = { ...current, url, headers: isSameHost ? current.headers : withoutCredentials(current.headers ?? {}) };
    }
  }

  #exchange(request: HttpRequest, tls: TlsOptions): Promise<HttpResponse> {
    const { promise, resolve, reject } = Promise.withResolvers<HttpResponse>();
    const fail = (error: Error) => reject(request.signal?.aborted ? request.signal.reason : translate(error, request));
    const options = { method: request.method, headers: { 'user-agent': 'pouchd', ...request.headers }, signal: request.signal };
    const outgoing =
      request.url.protocol === 'https:'
        ? https.request(request.url, { ...options, agent: this.#agent(tls, isLoopback(request.url)) })
        : http.request(request.url, { ...options, agent: isLoopback(request.url) ? this.#loopback : this.#http });
    outgoing.on('error', fail);
    const silentMs = request.method === 'GET' || request.method === 'HEAD' ? idleTimeoutMs.read : idleTimeoutMs.write;
    outgoing.setTimeout(silentMs, () => {
      outgoing.destroy(
        new PouchError('deadlineExceeded', `${describe(request)}: net/http: request timed out after ${silentMs} ms of silence`),
      );
    });
    outgoing.on('response', (response) => {
      resolve({ status: response.statusCode ?? 0, headers: response.headers, url: request.url, body: response });
    });
    if (request.body === undefined || request.body instanceof Uint8Array) outgoing.end(request.body);
    else
      sendBody(request.body, outgoing).catch((error: unknown) =>
        outgoing.destroy(error instanceof Error ? error : new Error(String(error))),
      );
    return promise;
  }

  #agent(tls: TlsOptions, isDirect: boolean): https.Agent {
    const id = this.#tlsIds.get(tls) ?? this.#tlsIds.size;
    this.#tlsIds.set(tls, id);
    const key = `${id}-${isDirect}`;
    let agent = this.#https.get(key);
    if (!agent) {
      const { rejectUnauthorized, cert, ca } = tls;
      const proxyEnv = isDirect ? undefined : process.env;
      agent = new https.Agent({
        keepAlive: true,
        proxyEnv,
        rejectUnauthorized,
        cert,
        key: tls.key,
        ca: [...authorities(), ...(ca ?? [])],
      });
      this.#https.set(key, agent);
    }
    return agent;
  }

  close(): void {
    this.#http.destroy();
    this.#loopback.destroy();
    for (const agent of this.#https.values()) agent.destroy();
    this.#https.clear();
  }
}

/** True for a server on this machine's loopback. */
export function isLoopback({ hostname }: Pick<URL, 'hostname'>): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\./.test(hostname);
}

async function sendBody(body: AsyncIterable<Uint8Array>, outgoing: http.ClientRequest): Promise<void> {
  for await (const part of body) {
    if (outgoing.destroyed) return;
    if (!outgoing.write(part)) await drained(outgoing);
  }
  outgoing.end();
}

/** Also returns when the connection is gone: the request's own error tells why. */
function drained(outgoing: http.ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const go = () => {
      outgoing.off('drain', go);
      outgoing.off('close', go);
      resolve();
    };
    outgoing.on('drain', go);
    outgoing.on('close', go);
  });
}

function withoutCredentials(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !['authorization', 'cookie'].includes(name.toLowerCase())),
  );
}

/** `Get "https://host/v2/"`, as Go's errors begin. */
export function describe({ method, url }: Pick<HttpRequest, 'method' | 'url'>): string {
  return `${method[0]}${method.slice(1).toLowerCase()} "${url.href}"`;
}

/** True for failures that come from speaking TLS to a server that has none (or none that we trust). */
export function isTlsFailure(error: unknown): boolean {
  const code = codeOf(error instanceof PouchError ? error.cause : error);
  return /^(EPROTO|ERR_SSL|ERR_TLS|CERT_|UNABLE_TO|DEPTH_ZERO|SELF_SIGNED|HOSTNAME_MISMATCH)/.test(code) || code === 'ECONNRESET';
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function translate(error: Error, request: HttpRequest): PouchError {
  if (error instanceof PouchError) return error;
  const first = error instanceof AggregateError && error.errors[0] instanceof Error ? error.errors[0] : error;
  const { address, port } = first as Error & { address?: string; port?: number }; // Node sets them on socket errors
  const dial = `dial tcp ${address ?? request.url.hostname}${port ? `:${port}` : ''}`;
  const reasons: Record<string, string> = {
    ECONNREFUSED: `${dial}: connect: connection refused`,
    EHOSTUNREACH: `${dial}: connect: no route to host`,
    ENETUNREACH: `${dial}: connect: network is unreachable`,
    ETIMEDOUT: `${dial}: i/o timeout`,
    ENOTFOUND: `dial tcp: lookup ${request.url.hostname}: no such host`,
    EAI_AGAIN: `dial tcp: lookup ${request.url.hostname}: Temporary failure in name resolution`,
    ECONNRESET: 'EOF',
  };
  return internal(`${describe(request)}: ${reasons[codeOf(first)] ?? first.message}`, first);
}

/** The whole body. Throws internal above `limitBytes`. */
export async function readAll(response: HttpResponse, limitBytes = 8 * 1024 * 1024): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of response.body as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > limitBytes) throw internal(`${response.url.href}: the answer is larger than ${limitBytes} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** Reads a body that nobody wants, so that its connection can be used again. */
export async function discard(response: HttpResponse): Promise<void> {
  response.body.resume();
  await finished(response.body).catch(() => undefined); // a broken connection is not used again
}
