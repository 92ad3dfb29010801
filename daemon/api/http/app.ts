/*
 * fastify without its listener: the door's own servers come here through the front (front.ts), which has taken `/v1.44` off the URL. fastify routes; bodies, errors and
 * answers are the pipeline's.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { setImmediate as nextTick } from 'node:timers/promises';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { invalidArgument, messageOf, PouchError } from '../../errors/error.ts';
import { wire } from '../../errors/wire.ts';
import { errorAnswer, optionsAnswer, pageNotFound, writeAnswer } from './answer.ts';
import { arrival } from './front.ts';
import { commonHeaders, jsonType } from './headers.ts';
import type { ApiFigures } from './metrics.ts';
import { type PipelineDeps, routeHandler } from './pipeline.ts';
import type { ApiReply, ApiRequest, Route } from './route.ts';
import { startStream } from './stream.ts';
import { takeOver, upgradeSocket } from './upgrade.ts';
import { isBefore, newestVersion } from './version.ts';

/** The API without a place to listen. */
export interface ApiApp {
  /** Gives one request to the routes. */
  handle(raw: IncomingMessage, response: ServerResponse): void;
  close(): Promise<void>;
}

/** What the app is made of. */
export interface AppOptions extends PipelineDeps {
  readonly routes: readonly Route[];
  readonly figures: ApiFigures;
}

/** So many routes are mounted before the pings that wait get their turn. */
const batch = 8;

/** Mounts the routes. Throws invalidArgument for a method and path that are there twice. */
export async function createApp(options: AppOptions): Promise<ApiApp> {
  await nextTick();
  const app = bareApp();
  for (const [at, route] of options.routes.entries()) {
    if (at % batch === 0) await nextTick();
    try {
      app.route({
        method: route.method,
        url: route.path,
        handler: routeHandler(route, options, options.figures.route(route.method, route.path)),
      });
    } catch (error) {
      throw invalidArgument(`API route ${route.method} ${route.path}: ${messageOf(error)}`, error);
    }
  }
  app.setNotFoundHandler((_request, reply) => {
    const { method } = reply.request;
    reply.hijack();
    writeAnswer(reply.raw, method === 'OPTIONS' ? optionsAnswer : pageNotFound, method === 'HEAD');
  });
  app.setErrorHandler((error, request, reply) => {
    options.log.debug('request refused', {
      request: request.id,
      method: request.method,
      path: request.url,
      error: messageOf(error),
    });
    reply.hijack();
    writeAnswer(reply.raw, errorAnswer(wireError(error)), request.method === 'HEAD');
  });
  await app.ready();

  return { handle: app.routing, close: () => app.close() };
}

/** Routes here have no JSON schemas; without this fastify loads ajv and a serialiser generator, which cost time at start and megabytes. */
const noCompilers = {
  buildValidator: () => () => () => true,
  buildSerializer: () => () => (value: unknown) => JSON.stringify(value),
};

function bareApp(): FastifyInstance {
  let idle: Server | undefined;
  const app = fastify({
    serverFactory: (handler) => {
      idle = createServer(handler); // fastify wants one; it never listens
      return idle;
    },
    exposeHeadRoutes: false,
    schemaController: { compilersFactory: noCompilers as never }, // its types want the compilers' own
    routerOptions: { maxParamLength: 4096 },
    genReqId: requestIds(),
    frameworkErrors: (error, _request, reply) => {
      reply.hijack();
      writeAnswer(reply.raw, errorAnswer(wireError(error)), false);
    },
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null, undefined)); // the pipeline reads bodies
  decorate(app);
  return app;
}

function requestIds(): () => string {
  const prefix = process.pid.toString(36);
  let count = 0;
  return () => {
    count += 1;
    return `${prefix}-${count.toString(36)}`;
  };
}

/** A refusal by fastify itself (a bad URL, a bad content type) as one of ours. */
function wireError(error: unknown): unknown {
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 0;
  return status >= wire.invalidArgument.http && status < wire.internal.http ? invalidArgument(messageOf(error), error) : error;
}

/** Adds what ApiRequest and ApiReply have beyond fastify's. */
function decorate(app: FastifyInstance): void {
  app.decorateRequest('apiVersion', {
    getter(this: FastifyRequest) {
      return arrival(this.raw)?.version ?? newestVersion;
    },
  });
  app.decorateReply('wasSent', false);
  app.decorateReply('upgrade', async function upgrade(
    this: FastifyReply,
    options: { multiplexed?: boolean; wantsBody?: boolean } = {},
  ) {
    const request = this.request as ApiRequest; // decorated above
    const isMultiplexed =
      options.multiplexed === true && !isBefore(request.apiVersion, '1.42') && upgradeSocket(request.raw) !== undefined;
    this.hijack();
    return takeOver({
      raw: request.raw,
      response: this.raw,
      contentType: `application/vnd.docker.${isMultiplexed ? 'multiplexed' : 'raw'}-stream`,
      wantsBody: options.wantsBody === true,
    });
  } as ApiReply['upgrade']);
  app.decorateReply('startStream', function start(this: FastifyReply, contentType: string) {
    this.hijack();
    return startStream(this.raw, contentType);
  } as ApiReply['startStream']);
  app.addHook('onRequest', (request, reply, done) => {
    adaptPrototypes(request, reply);
    done();
  });
}

const adapted = new WeakSet<object>();

/**
 * fastify's own `request.signal` goes dead on hijack and its `reply.send` adds a charset to JSON, and neither can be decorated: both are replaced on the prototypes
 * that fastify made for this app.
 */
function adaptPrototypes(request: FastifyRequest, reply: FastifyReply): void {
  const requests = Object.getPrototypeOf(request) as object;
  const replies = Object.getPrototypeOf(reply) as object;
  if (adapted.has(requests)) return;
  adapted.add(requests);
  const signals = new WeakMap<object, AbortSignal>();
  Object.defineProperty(requests, 'signal', {
    get(this: FastifyRequest) {
      let signal = signals.get(this);
      if (!signal) {
        signal = signalOf(this.raw);
        signals.set(this, signal);
      }
      return signal;
    },
  });
  const send = reply.send;
  Object.defineProperty(replies, 'send', {
    value(this: ApiReply, payload?: unknown) {
      this.wasSent = true;
      this.headers(commonHeaders);
      return send.call(this, exactJson(this, payload));
    },
  });
}

function signalOf(raw: IncomingMessage): AbortSignal {
  const controller = new AbortController();
  const response = arrival(raw)?.response;
  const abort = (): void => {
    if (!response?.writableFinished) controller.abort(new PouchError('cancelled', 'client left'));
  };
  const socket = upgradeSocket(raw);
  const closes = socket ?? raw.socket;
  if (closes.destroyed) abort();
  else closes.once('close', abort);
  if (!socket) response?.once('finish', () => closes.off('close', abort));
  return controller.signal;
}

function exactJson(reply: ApiReply, payload: unknown): unknown {
  const type = String(reply.getHeader('content-type') ?? '');
  const isPlain =
    payload !== null &&
    typeof payload === 'object' &&
    (Array.isArray(payload) || Object.getPrototypeOf(payload) === Object.prototype);
  const isJsonText = typeof payload === 'string' && type.startsWith(jsonType);
  if (payload instanceof Error || !(isPlain || isJsonText || payload === null)) return payload;
  reply.header('content-type', jsonType);
  return Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload));
}
