/*
 * The first look at every request, before fastify: `/_ping` is answered here while no plugin wants to see it, because clients call it before everything else; the URL loses
 * its `/v1.44`; what comes before the routes are mounted waits.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { posix } from 'node:path';
import { errorAnswer, redirectAnswer, writeAnswer } from './answer.ts';
import type { ApiApp } from './app.ts';
import { commonHeaderList, pingHeaders } from './headers.ts';
import { type ApiFigures, countRequest } from './metrics.ts';
import type { PingPolicy } from './ping-line.ts';
import type { PipelineDeps } from './pipeline.ts';
import { splitVersion } from './version.ts';

/** What the front knows about a request. */
export interface Arrival {
  /** The version in the URL, if any. */
  readonly version: string | undefined;
  readonly response: ServerResponse;
}

const arrived = Symbol('arrived');

interface Arrived extends IncomingMessage {
  originalUrl?: string;
  [arrived]?: Arrival;
}

/** What the front left on a request. */
export function arrival(raw: IncomingMessage): Arrival | undefined {
  return (raw as Arrived)[arrived]; // a symbol of this module's own
}

/** What the front is made of. `ownsPing` false sends `/_ping` through the routes like any other path. */
export interface FrontOptions extends Pick<PipelineDeps, 'hooks' | 'gate'> {
  readonly ownsPing: boolean;
  /** The routes, mounted when first asked for. */
  app(): Promise<ApiApp>;
  readonly figures: ApiFigures;
}

const pings = [
  ...commonHeaderList,
  ...Object.entries(pingHeaders).flat(),
  'Content-Type',
  'text/plain; charset=utf-8',
  'Content-Length',
];
const pingGet = [...pings, '2'];
const pingHead = [...pings, '0'];

/** What comes after the host of an absolute URL, the form that clients send to proxies. */
function pathOf(url: string): string {
  return url.startsWith('/') ? url : url.replace(/^https?:\/\/[^/?]*(?=\/)/i, '');
}

/** The URL with a path that has no empty, `.` or `..` parts: `//info` is `/info`. What follows the `?` stays. */
export function cleanUrl(url: string): string {
  const at = url.indexOf('?');
  const pathname = at < 0 ? url : url.slice(0, at);
  if (!/\/\/|\/\.{1,2}(?:\/|$)/.test(pathname)) return url;
  return posix.normalize(pathname).replace(/^\/*/, '/') + (at < 0 ? '' : url.slice(at));
}

/** What the servers call. */
export interface Front {
  /** Every request, also those that came as an upgrade. */
  dispatch(raw: IncomingMessage, response: ServerResponse): void;
  readonly ping: PingPolicy;
}

/** Builds it; see above. */
export function createFront(options: FrontOptions): Front {
  const { hooks, gate, ownsPing } = options;
  const pingFigures = options.figures.route('GET', '/_ping');
  let app: ApiApp | undefined;

  const route = (raw: Arrived, response: ServerResponse, url: string): void => {
    const split = splitVersion(url);
    raw.originalUrl = url;
    raw.url = split.url;
    raw[arrived] = { version: split.version, response };
    if (app) {
      app.handle(raw, response);
      return;
    }
    options.app().then(
      (mounted) => {
        app = mounted;
        mounted.handle(raw, response);
      },
      (error: unknown) => writeAnswer(response, errorAnswer(error), raw.method === 'HEAD'),
    );
  };

  const ping: PingPolicy = {
    mayAnswer: () => ownsPing && !gate.isActive && !hooks.has('api.preRequest') && !hooks.has('api.postResponse'), // a reload may change it
    count: () => countRequest(pingFigures, 200, 0),
  };

  return {
    ping,
    dispatch(raw, response) {
      const url = pathOf(raw.url ?? '/');
      const isPing = url === '/_ping' && ping.mayAnswer() && (raw.method === 'GET' || raw.method === 'HEAD');
      if (!isPing) {
        const clean = cleanUrl(url);
        if (clean === url) route(raw, response, url);
        else writeAnswer(response, redirectAnswer(clean), raw.method === 'HEAD');
        return;
      }
      ping.count();
      const isHead = raw.method === 'HEAD';
      response.writeHead(200, isHead ? pingHead : pingGet);
      response.end(isHead ? undefined : 'OK');
    },
  };
}
