import { join } from 'node:path';
import { register, types } from '../../hookplugins/registry.ts';
import type { DaemonConfig } from '../config/contract.ts';
import { openStore } from './sqlite.ts';

register({
  type: types.store,
  id: 'sqlite',
  requires: [types.config],
  required: true,
  initFn: (ctx) => openStore(join(ctx.getSingle<DaemonConfig>(types.config).root, 'pouchd.db')),
});
