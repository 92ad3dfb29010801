import { join } from 'node:path';
import { register, types } from '../../hookplugins/registry.ts';
import type { DaemonConfig } from '../config/contract.ts';
import type { Ctrd } from '../ctrd/contract.ts';
import type { EventBus } from '../events/contract.ts';
import type { Hooks } from '../hooks/contract.ts';
import type { Logger } from '../lib/log.ts';
import { createImages } from './service.ts';

register({
  type: types.image,
  id: 'images',
  requires: [types.config, types.log, types.ctrd, types.event, types.hooks],
  required: true,
  initFn: async (ctx) =>
    await createImages({
      ctrd: ctx.getSingle<Ctrd>(types.ctrd),
      config: ctx.getSingle<DaemonConfig>(types.config),
      events: ctx.getSingle<EventBus>(types.event),
      hooks: ctx.getSingle<Hooks>(types.hooks),
      log: ctx.getSingle<Logger>(types.log).withTag('images'),
      workDir: join(ctx.root, 'work'),
    }),
});
