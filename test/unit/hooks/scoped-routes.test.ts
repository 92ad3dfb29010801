import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as api from '../../../hookplugins/index.ts';
import { pluginScope } from '../../../hookplugins/scope.ts';
import { hooksOf } from '../../helpers/hooks.ts';

const whose = () => pluginScope.getStore()?.plugin.id ?? 'nobody';
const ask = (routes: readonly api.HandlerSpec[], path: string) =>
  routes.find((one) => one.path === path)?.handler({} as never, {} as never);

test('a handler runs in the scope of the plugin that made it, a daemon’s route in nobody’s, also when it is wrapped', async () => {
  const wrap = (id: string) => ({
    updateHandler: (handlers: api.HandlerSpec[]) => [
      ...handlers.map((spec) =>
        spec.path === '/wrapped'
          ? { ...spec, handler: () => `${id}:${whose()} ${String(spec.handler({} as never, {} as never))}` }
          : spec,
      ),
      { method: 'GET', path: `/${id}`, handler: whose },
    ],
  });
  const hooks = await hooksOf(() => {
    for (const id of ['one', 'two']) api.withPackage({ name: id, version: '1' }, () => api.registerAPIPlugin(wrap(id)));
  });
  const own = { method: 'GET', path: '/own', handler: whose, rawBody: true };
  const routes = await hooks.chain('api.updateHandler', [own, { method: 'GET', path: '/wrapped', handler: whose }]);
  assert.equal(
    ['/own', '/wrapped', '/one', '/two'].map((path) => ask(routes, path)),
    ['nobody', 'two:two one:one nobody', 'one', 'two'],
  );
  assert.equal(routes[0], own);
  assert.is(routes[0]?.handler, whose);
});

test.run();
