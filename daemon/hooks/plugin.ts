import type { AnyPlugin } from '../../hookplugins/plugin.ts';
import { register, types } from '../../hookplugins/registry.ts';
import { createHooks } from './caller.ts';
import type { Hooks, HooksConfig } from './contract.ts';
import { hookPluginOf, hookTypes } from './subscribers.ts';

/** The hooks room in the graph: after every hook plugin, and after the configuration where one is registered. */
register<Hooks>({
  type: types.hooks,
  id: 'caller',
  requires: [types.config, ...hookTypes],
  required: true,
  initFn(ctx) {
    const ready = ctx.getAll().filter((one) => one.status === 'ok');
    const plugins = ready.flatMap((one) => hookPluginOf(one, one.instance as AnyPlugin) ?? []); // by its type
    return createHooks({ plugins, config: ctx.get<HooksConfig>(types.config), log: ctx.log });
  },
});
