import { register, types } from '../../../hookplugins/registry.ts';
import type { ProcessesBackend } from './backend.ts';
import { processesRoutes } from './routes.ts';

/** Exec, attach, logs, stats, top, changes, export and archive over HTTP. */
register({
  type: types.apiRoutes,
  id: 'processes',
  requires: [types.service],
  initFn: (ctx) => processesRoutes(ctx.getById<ProcessesBackend>(types.service, 'processes')),
});
