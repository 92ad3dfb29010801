import { join } from 'node:path';
import { register, types } from '../../hookplugins/registry.ts';
import type { VolumeDriver } from '../../hookplugins/volume-driver.ts';
import type { EventBus } from '../events/contract.ts';
import type { Hooks } from '../hooks/contract.ts';
import type { Logger } from '../lib/log.ts';
import type { Store } from '../store/contract.ts';
import { type DriverLookup, Drivers } from './drivers.ts';
import { LocalDriver } from './local-driver.ts';
import { createVolumes } from './service.ts';

register({
  type: types.volume,
  id: 'volumes',
  requires: [types.log, types.store, types.event, types.hooks, types.volumeDriver, types.remote],
  required: true,
  initFn(ctx) {
    const compiled = ctx.getAll().filter((one) => one.type === types.volumeDriver && one.status === 'ok');
    return createVolumes({
      local: new LocalDriver(join(ctx.base.root, 'volumes')),
      drivers: new Drivers(
        new Map(compiled.map((one) => [one.id, one.instance as VolumeDriver])), // what the type is for
        ctx.get<{ volumeDriver?: DriverLookup }>(types.remote)?.volumeDriver,
      ),
      store: ctx.getSingle<Store>(types.store),
      events: ctx.getSingle<EventBus>(types.event),
      hooks: ctx.getSingle<Hooks>(types.hooks),
      log: ctx.getSingle<Logger>(types.log).withTag('volumes'),
    });
  },
});
