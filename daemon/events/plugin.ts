import { register, types } from '../../hookplugins/registry.ts';
import type { Logger } from '../lib/log.ts';
import { createEventBus } from './bus.ts';
import type { EventStore } from './history.ts';

register({
  type: types.event,
  id: 'bus',
  requires: [types.log, types.store],
  required: true,
  initFn: (ctx) =>
    createEventBus({ store: ctx.getSingle<EventStore>(types.store), log: ctx.getSingle<Logger>(types.log).withTag('events') }),
});
