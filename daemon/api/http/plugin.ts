import { register, types } from '../../../hookplugins/registry.ts';
import type { DaemonConfig } from '../../config/contract.ts';
import { socketGroup } from '../../config/group.ts';
import type { Hooks } from '../../hooks/contract.ts';
import type { Logger } from '../../lib/log.ts';
import { createDoor } from './door.ts';
import { openGate, type RequestGate } from './gate.ts';
import type { Route } from './route.ts';

register({
  type: types.api,
  id: 'http',
  requires: [types.config, types.log, types.hooks, types.remote, types.apiRoutes],
  required: true,
  initFn(ctx) {
    const config = ctx.getSingle<DaemonConfig>(types.config);
    const rooms = ctx.getAll().filter((one) => one.type === types.apiRoutes && one.status === 'ok');
    return createDoor({
      hosts: config.hosts,
      tls: config.tls,
      group: () => socketGroup(config.group),
      routes: rooms.flatMap((one) => one.instance as Route[]), // what the type is for
      hooks: ctx.getSingle<Hooks>(types.hooks),
      gate: ctx.get<{ gate?: RequestGate }>(types.remote)?.gate ?? openGate,
      log: ctx.getSingle<Logger>(types.log).withTag('api'),
    });
  },
});
