/*
 * What happens to one routed request: version check, `api.preRequest`, body, authorization, the route's handler, and then one answer written in one go. Everything
 * thrown on the way becomes Docker's error JSON here and nowhere else. What a handler took over (`upgrade`, `startStream`, `hijack`) is its own to end.
 */
import type { FastifyRequest } from 'fastify';
import type { ApiCall } from '../../../hookplugins/shapes.ts';
import { isKind, kindOf, messageOf } from '../../errors/error.ts';
import { wire } from '../../errors/wire.ts';
import type { HookCaller } from '../../hooks/contract.ts';
import type { Logger } from '../../lib/log.ts';
import { type Answer, errorAnswer, valueAnswer, writeAnswer } from './answer.ts';
import { holdBody, parseJson, readBody } from './body.ts';
import { apiCall } from './call.ts';
import type { RequestGate } from './gate.ts';
import { countRequest, type RouteFigures } from './metrics.ts';
import type { ApiReply, ApiRequest, Route } from './route.ts';
import { checkVersion } from './version.ts';

/** What the pipeline works with. */
export interface PipelineDeps {
  readonly hooks: Pick<HookCaller, 'has' | 'run'>;
  readonly gate: RequestGate;
  readonly log: Logger;
}

/** Turns a route into the function that fastify calls. */
export function routeHandler(route: Route, deps: PipelineDeps, figures: RouteFigures) {
  return async (bare: FastifyRequest, bareReply: unknown): Promise<unknown> => {
    const request = bare as ApiRequest; // the door decorates what ApiRequest and ApiReply add, see app.ts
    const reply = bareReply as ApiReply;
    const started = performance.now();
    const { hooks, gate } = deps;
    const isWatched = gate.isActive || hooks.has('api.preRequest') || hooks.has('api.postResponse');
    const call = isWatched ? apiCall(request) : undefined;
    let answer: Answer | undefined;
    let body: Buffer | undefined;
    try {
      checkVersion(request.apiVersion);
      if (call && hooks.has('api.preRequest')) await hooks.run('api.preRequest', call);
      body = await takeBody(request, route, gate.isActive);
      if (call && gate.isActive) await gate.request(call, request.raw, body);
      if (!route.rawBody && body) request.body = parseJson(body, request.headers['content-type']);
      const value = await route.handler(request, reply);
      if (isHandled(reply, value)) return reply;
      answer = valueAnswer(value, reply.statusCode, ownHeaders(reply));
    } catch (error) {
      answer = failed(error, request, reply, deps.log);
    } finally {
      if (!answer) finish(figures, deps, { call, status: reply.raw.statusCode, durationMs: performance.now() - started });
    }
    if (!answer) return reply;
    if (call && gate.isActive) answer = await judged(answer, { gate, call, request, body });
    reply.hijack();
    writeAnswer(reply.raw, answer, request.method === 'HEAD');
    finish(figures, deps, { call, status: answer.status, durationMs: performance.now() - started });
    return reply;
  };
}

/** JSON bodies are read for routes that want them parsed, and for authorizers; a raw route then finds it through `bodyStream`. */
async function takeBody(request: ApiRequest, route: Route, isJudged: boolean): Promise<Buffer | undefined> {
  if (request.method === 'GET' || request.method === 'HEAD') return undefined;
  if (!route.rawBody) return await readBody(request.raw);
  if (!isJudged || !/^application\/json\b/i.test(request.headers['content-type'] ?? '')) return undefined;
  const body = await readBody(request.raw);
  holdBody(request.raw, body);
  return body;
}

function isHandled(reply: ApiReply, value: unknown): boolean {
  return value === reply || reply.sent || reply.wasSent || reply.raw.headersSent;
}

/** Headers that the handler set; fastify's own are not among them before it sends. */
function ownHeaders(reply: ApiReply): string[] {
  return Object.entries(reply.getHeaders()).flatMap(([name, value]) => (value === undefined ? [] : [name, String(value)]));
}

/** The answer for an error; undefined when the header is out already: then the connection is cut, so that the client sees that something is missing. */
function failed(error: unknown, request: ApiRequest, reply: ApiReply, log: Logger): Answer | undefined {
  const fields = { request: request.id, method: request.method, path: request.url, error };
  const isGone = request.raw.socket?.destroyed === true;
  if (isGone || (isKind(error, 'cancelled') && request.signal.aborted)) {
    log.debug('client left', { ...fields, error: messageOf(error) });
    reply.hijack();
    reply.raw.destroy();
    return undefined;
  }
  const kind = kindOf(error);
  if (kind === 'unavailable' || kind === 'notImplemented') log.warn('request refused', { ...fields, error: messageOf(error) });
  else if (wire[kind].http >= wire.internal.http) log.error('request failed', fields);
  else log.debug('request refused', { ...fields, error: messageOf(error) });
  if (!reply.raw.headersSent && !reply.sent) return errorAnswer(error);
  reply.hijack();
  reply.raw.destroy();
  return undefined;
}

interface Judged {
  readonly gate: RequestGate;
  readonly call: ApiCall;
  readonly request: ApiRequest;
  readonly body: Buffer | undefined;
}

async function judged(answer: Answer, { gate, call, request, body }: Judged): Promise<Answer> {
  const pairs: [string, string][] = [];
  for (let at = 0; at + 1 < answer.headers.length; at += 2) pairs.push([answer.headers[at] ?? '', answer.headers[at + 1] ?? '']);
  const bytes = typeof answer.body === 'string' ? Buffer.from(answer.body) : answer.body;
  try {
    await gate.response(call, request.raw, body, { status: answer.status, headers: Object.fromEntries(pairs), body: bytes });
    return answer;
  } catch (error) {
    return errorAnswer(error);
  }
}

function finish(
  figures: RouteFigures,
  deps: PipelineDeps,
  result: { call: ApiCall | undefined; status: number; durationMs: number },
): void {
  const { call, status, durationMs } = result;
  countRequest(figures, status, durationMs);
  if (call && deps.hooks.has('api.postResponse')) {
    deps.hooks
      .run('api.postResponse', call, { status, durationMs })
      .catch((error: unknown) => deps.log.warn('postResponse failed', { error }));
  }
}
