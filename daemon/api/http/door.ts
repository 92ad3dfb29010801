import { setTimeout as sleep } from 'node:timers/promises';
import type { HandlerSpec } from '../../../hookplugins/shapes.ts';
import { internal } from '../../errors/error.ts';
import type { HookCaller } from '../../hooks/contract.ts';
import type { Logger } from '../../lib/log.ts';
import type { ApiApp } from './app.ts';
import { createFront } from './front.ts';
import type { RequestGate } from './gate.ts';
import { type Listener, listen, type TlsFiles } from './listen.ts';
import { ApiFigures } from './metrics.ts';
import type { Route } from './route.ts';

/** What the front door is made of. */
export interface DoorDeps {
  /** Where to listen. */
  readonly hosts: readonly string[];
  readonly tls: TlsFiles;
  /** Numeric group of unix sockets; asked for when they are opened. */
  group(): number;
  readonly routes: readonly Route[];
  readonly hooks: Pick<HookCaller, 'has' | 'run' | 'chain'>;
  readonly gate: RequestGate;
  readonly log: Logger;
}

/** The HTTP API. It listens once `open` is called, which boot does when everything behind it is ready. */
export interface HttpDoor {
  open(): Promise<void>;
  /** Where it listens, ports filled in; empty before `open`. */
  readonly addresses: readonly string[];
  readonly figures: ApiFigures;
  close(): Promise<void>;
}

/** Requests that run when the daemon stops may take this long to end. */
const graceMs = 2000;

/** How long the routes wait for a first request before they are mounted. */
const pingsFirstMs = 20;

/**
 * Builds the front door: `api.updateHandler` plugins see all routes before they are mounted. Loading fastify and mounting takes longer than listening and holds the
 * event loop, so it comes when the first request that is no ping wants it, or a moment after the start; that request waits for it.
 */
export function createDoor(deps: DoorDeps): HttpDoor {
  let app: ApiApp | undefined;
  const figures = new ApiFigures();
  const listeners: Listener[] = [];
  return {
    async open() {
      const routes = await finalRoutes(deps);
      const mounted = Promise.withResolvers<ApiApp>();
      mounted.promise.catch(() => undefined); // told below
      const wanted = Promise.withResolvers<void>();
      const front = createFront({
        ...deps,
        figures,
        ownsPing: ownsPing(deps.routes, routes),
        app() {
          wanted.resolve();
          return mounted.promise;
        },
      });
      try {
        for (const host of deps.hosts) {
          listeners.push(
            ...(await listen(host, { group: deps.group(), tls: deps.tls, dispatch: front.dispatch, ping: front.ping })),
          );
        }
        await Promise.race([wanted.promise, sleep(pingsFirstMs)]);
        const { createApp } = await import('./app.ts');
        app = await createApp({ ...deps, routes, figures });
        mounted.resolve(app);
      } catch (error) {
        mounted.reject(error);
        await this.close();
        throw error;
      }
      deps.log.info('api listens', { on: listeners.map((one) => one.url).join(' ') });
    },
    get addresses() {
      return listeners.map((one) => one.url);
    },
    figures,
    async close() {
      await Promise.all(listeners.splice(0).map((one) => one.close(graceMs)));
      await app?.close();
    },
  };
}

/** True while nobody has put another handler in the place of ours. */
function ownsPing(before: readonly Route[], after: readonly Route[]): boolean {
  const ping = before.find((route) => route.path === '/_ping' && route.method === 'GET');
  return ping === undefined || after.some((route) => route.handler === ping.handler);
}

/** The routes after the plugins had them. A spec that a plugin wrapped without spreading keeps the `rawBody` of the route it stands for. */
async function finalRoutes(deps: DoorDeps): Promise<readonly Route[]> {
  if (!deps.hooks.has('api.updateHandler')) return deps.routes;
  const keyOf = (spec: { method: string; path: string }): string => `${spec.method.toUpperCase()} ${spec.path}`;
  const raw = new Map(deps.routes.map((route) => [keyOf(route), route.rawBody]));
  const specs = deps.routes.map((route) => ({ ...route }) as unknown as HandlerSpec); // a Route is a HandlerSpec whose handler asks for more of the same objects
  const changed = await deps.hooks.chain('api.updateHandler', specs);
  if (changed.length === 0) throw internal('api.updateHandler left no routes');
  return changed.map((spec) => {
    const route = { ...spec, method: spec.method.toUpperCase() } as unknown as Route; // as above
    return { ...route, rawBody: route.rawBody ?? raw.get(keyOf(spec)) };
  });
}
