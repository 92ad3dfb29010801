import { register, types } from '../../hookplugins/registry.ts';
import type { Logger } from '../lib/log.ts';
import type { Store } from '../store/contract.ts';
import { createEventBus } from './bus.ts';

register({
  type: types.event,
  id: 'bus',
  requires: [types.log, types.store],
  required: true,
  initFn: (ctx) =>
    createEventBus({ store: ctx.getSingle<Store>(types.store), log: ctx.getSingle<Logger>(types.log).withTag('events') }),
});
