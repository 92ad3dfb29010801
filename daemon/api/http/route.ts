import type { ServerResponse } from 'node:http';
import type { Duplex, Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** One request as a route's handler sees it: fastify's own, plus what the front door adds before routing. */
export interface ApiRequest extends FastifyRequest {
  params: Record<string, string>;
  /** Values as sent; a repeated key is an array. Use `query.ts` to read booleans, numbers and Docker's filters. */
  query: Record<string, string | string[] | undefined>;
  /**
   * The parsed JSON body, or undefined when there was none. Routes with `rawBody` get undefined and read `bodyStream(request.raw)` (body.ts) themselves.
   */
  body: unknown;
  /** The version the client spoke, e.g. `1.41`; requests without a version prefix speak the newest. */
  apiVersion: string;
  /** Aborts when the client hangs up. */
  signal: AbortSignal;
}

export interface ApiReply extends FastifyReply {
  /**
   * Takes the connection over after Docker's 101 (with `Upgrade: tcp`) or 200 raw-stream answer; the header goes out in a write of its own and data starts on a later tick.
   * `contentType`: raw-stream unless the stream is multiplexed and the client speaks 1.42 or newer. The stream half-closes: 'end' is the client's stdin end.
   * `wantsBody` (with `rawBody`): a client that did not ask to upgrade sends its stdin as the request's body.
   */
  upgrade(options?: { multiplexed?: boolean; wantsBody?: boolean }): Promise<Duplex>;
  /**
   * Starts a 200 chunked answer with headers flushed at once; write to what this gives. For events, stats, logs, wait, progress. The handler ends it, and should
   * resolve when it has; what it throws after this cuts the connection (progress streams write Docker's `error` object themselves before that).
   */
  startStream(contentType: string): ServerResponse;
  /** True once `send` was called. */
  wasSent: boolean;
}

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE' | 'OPTIONS';

/**
 * One route of the HTTP API, as data: also the HandlerSpec that `api.updateHandler` plugins add, drop and wrap. `path` in fastify's syntax without a version prefix:
 * `/containers/:id/json`. Names with slashes (images, plugins, distribution) use `*`: see `/images/*` in images/routes.ts.
 */
export interface Route {
  method: Method;
  path: string;
  /** The body is not parsed: tar uploads, hijacked streams with their own body. */
  rawBody?: boolean;
  /** Returns the JSON value to send (undefined with a 2xx code set sends an empty body), or handles `reply` itself. Errors are thrown. */
  handler(request: ApiRequest, reply: ApiReply): unknown;
}

/** What a room's `routes.ts` exports: a function from its backend to its routes. */
export type Routes<Backend> = (backend: Backend) => Route[];

export type { Readable };
