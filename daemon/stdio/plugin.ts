import { join } from 'node:path';
import { register, types } from '../../hookplugins/registry.ts';
import type { Logger } from '../lib/log.ts';
import { createStdio } from './service.ts';

/** Registers the room of standard streams and logs. */
register({
  type: types.stdio,
  id: 'default',
  requires: [types.log],
  initFn(ctx) {
    const log = ctx.getSingle<Logger>(types.log).withTag('stdio');
    const stdio = createStdio({ poolDir: join(ctx.state, 'fifos'), log });
    const timer = setTimeout(() => {
      stdio.warm().catch((error: unknown) => log.warn('no fifos in stock', { error }));
    }, 200); // after the start: a spawn costs the first requests time
    timer.unref();
    return stdio;
  },
});
