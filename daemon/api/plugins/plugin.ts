import { register, types } from '../../../hookplugins/registry.ts';
import type { Containers } from '../../containers/contract.ts';
import type { Ctrd } from '../../ctrd/contract.ts';
import type { Hooks } from '../../hooks/contract.ts';
import type { HttpDoor } from '../http/door.ts';
import { pluginRoutes } from './routes.ts';

register({
  type: types.apiRoutes,
  id: 'plugins',
  requires: [types.hooks, types.container, types.ctrd],
  initFn(ctx) {
    const hooks = ctx.getSingle<Hooks>(types.hooks);
    const ctrd = ctx.get<Ctrd>(types.ctrd);
    return pluginRoutes({
      hooks,
      metrics: {
        hooks: () => hooks.stats(),
        routes: () => ctx.getById<HttpDoor>(types.api, 'http').figures.routes, // the door comes after its routes
        containers: () => countStates(ctx.get<Containers>(types.container)),
        containerdCalls: () => ctrd?.client.figures?.() ?? [],
      },
    });
  },
});

function countStates(containers: Pick<Containers, 'table'> | undefined): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { record } of containers?.table.all() ?? []) counts[record.state.Status] = (counts[record.state.Status] ?? 0) + 1;
  return counts;
}
