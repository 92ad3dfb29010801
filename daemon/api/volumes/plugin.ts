import { register, types } from '../../../hookplugins/registry.ts';
import type { VolumeService } from '../../volumes/contract.ts';
import { volumeRoutes } from './routes.ts';

register({
  type: types.apiRoutes,
  id: 'volumes',
  requires: [types.volume],
  initFn: (ctx) => volumeRoutes(ctx.getSingle<VolumeService>(types.volume)),
});
