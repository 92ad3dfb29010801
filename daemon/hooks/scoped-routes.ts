import { pluginScope, type ScopeOwner } from '../../hookplugins/scope.ts';
import type { HandlerSpec } from '../../hookplugins/shapes.ts';

/**
 * Routes on their way through `api.updateHandler`. A handler that a plugin made runs in that plugin's scope from then on, so that what it leaks is known to be its own; a route of the daemon that a
 * plugin wraps runs in nobody's. Routes that nobody touched come out as they went in.
 */
export class ScopedRoutes {
  /** What the first plugin gets. */
  readonly given: HandlerSpec[];
  readonly #own = new Map<HandlerSpec['handler'], HandlerSpec['handler']>(); // given -> the daemon's
  readonly #settled = new Set<HandlerSpec['handler']>();

  constructor(routes: readonly HandlerSpec[]) {
    this.given = routes.map((spec) => {
      const own = spec.handler;
      const handler: HandlerSpec['handler'] = (request, reply) => pluginScope.exit(() => own.call(spec, request, reply));
      this.#own.set(handler, own);
      this.#settled.add(handler);
      return { ...spec, handler };
    });
  }

  /** What a plugin returned, its handlers in its scope. */
  after({ plugin, point, stats }: ScopeOwner, routes: readonly HandlerSpec[]): HandlerSpec[] {
    const owner = { plugin, point, stats };
    return routes.map((spec) => {
      if (this.#settled.has(spec.handler)) return spec;
      const handler: HandlerSpec['handler'] = (request, reply) => pluginScope.run(owner, () => spec.handler(request, reply));
      this.#settled.add(handler);
      return { ...spec, handler };
    });
  }

  /** What is served. */
  result(routes: readonly HandlerSpec[]): HandlerSpec[] {
    return routes.map((spec) => ({ ...spec, handler: this.#own.get(spec.handler) ?? spec.handler }));
  }
}
