import { register, types } from '../../hookplugins/registry.ts';
import type { DaemonConfig } from '../config/contract.ts';
import type { EventBus } from '../events/contract.ts';
import type { HookCaller } from '../hooks/contract.ts';
import type { Logger } from '../lib/log.ts';
import type { Store } from '../store/contract.ts';
import type { NetworkDriver } from './drivers/driver.ts';
import { createNetworks, type Networks } from './service.ts';

/** The networks room in the graph. `restore` is called by the containers room, which knows what runs. */
register<Networks>({
  type: types.network,
  id: 'networks',
  requires: [types.config, types.log, types.store, types.event, types.hooks, types.networkDriver],
  required: true,
  initFn(ctx) {
    const drivers = ctx.getAll().filter((one) => one.type === types.networkDriver && one.status === 'ok');
    return createNetworks({
      store: ctx.getSingle<Store>(types.store),
      events: ctx.getSingle<EventBus>(types.event),
      hooks: ctx.get<HookCaller>(types.hooks),
      log: ctx.getSingle<Logger>(types.log).withTag('networks'),
      config: ctx.getSingle<DaemonConfig>(types.config),
      stateDir: ctx.base.state,
      drivers: drivers.map((one) => one.instance as NetworkDriver), // by its type
    });
  },
});
