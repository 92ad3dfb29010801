import { once } from 'node:events';
import { notFound, notImplemented } from '../../errors/error.ts';
import type { Hooks } from '../../hooks/contract.ts';
import type { Route, Routes } from '../http/route.ts';
import { describePlugins } from './describe.ts';
import { type MetricsSource, metricsText } from './metrics.ts';

/** What these routes need. */
export interface PluginsBackend {
  readonly hooks: Pick<Hooks, 'plugins' | 'stats' | 'trace'>;
  readonly metrics: MetricsSource;
}

/** Docker's plugin endpoints over what is compiled in, what the hooks do, and `/metrics`. Plugins are chosen when the executable is built: they cannot be installed here. */
export const pluginRoutes: Routes<PluginsBackend> = ({ hooks, metrics }): Route[] => {
  const builtIn = (): never => {
    throw notImplemented('plugins of pouchd are compiled in: record the package with hack/module --add-plugin=PKG and run make');
  };
  return [
    { method: 'GET', path: '/plugins', handler: () => describePlugins(hooks.plugins()) },
    {
      method: 'GET',
      path: '/plugins/hooks',
      handler: () => ({ plugins: hooks.plugins(), stats: hooks.stats().map(withPlainBounds) }),
    },
    {
      method: 'GET',
      path: '/plugins/hooks/trace',
      async handler(request, reply) {
        const calls = hooks.trace(request.signal);
        const out = reply.startStream('application/json');
        for await (const one of calls) {
          if (!out.write(`${JSON.stringify(one)}\n`)) await once(out, 'drain', { signal: request.signal }).catch(() => undefined); // the client left: trace ends too
        }
        out.end();
      },
    },
    {
      method: 'GET',
      path: '/plugins/*',
      handler(request) {
        const name = (request.params['*'] ?? '').replace(/\/json$/, '');
        const found = describePlugins(hooks.plugins()).find((one) => [one.Name, one.Id, one.PluginReference].includes(name));
        if (!found) throw notFound(`plugin ${JSON.stringify(name)} not found`);
        return found;
      },
    },
    { method: 'GET', path: '/plugins/privileges', handler: builtIn },
    { method: 'POST', path: '/plugins/pull', handler: builtIn },
    { method: 'POST', path: '/plugins/create', handler: builtIn },
    {
      method: 'POST',
      path: '/plugins/*',
      handler(request) {
        throw notFound(`plugin ${JSON.stringify((request.params['*'] ?? '').replace(/\/[a-z]+$/, ''))} not found`);
      },
    },
    {
      method: 'DELETE',
      path: '/plugins/*',
      handler(request) {
        throw notFound(`plugin ${JSON.stringify(request.params['*'] ?? '')} not found`);
      },
    },
    {
      method: 'GET',
      path: '/metrics',
      async handler(_request, reply) {
        const { contentType, text } = await metricsText(metrics);
        reply.header('content-type', contentType);
        return text;
      },
    },
  ];
};

/** JSON has no Infinity: the last bound is told as null. */
function withPlainBounds(stats: ReturnType<Hooks['stats']>[number]): object {
  return { ...stats, buckets: stats.buckets.map(({ leMs, count }) => ({ leMs: Number.isFinite(leMs) ? leMs : null, count })) };
}
