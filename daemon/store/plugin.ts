import { join } from 'node:path';
import { register, types } from '../../hookplugins/registry.ts';
import { openStore } from './sqlite.ts';

register({
  type: types.store,
  id: 'sqlite',
  required: true,
  initFn: (ctx) => openStore(join(ctx.base.root, 'pouchd.db')),
});
