import { register, types } from '../../../hookplugins/registry.ts';
import type { ContainersRoom } from '../../containers/lifecycle.ts';
import type { NetworkService } from '../../networks/contract.ts';
import { networkRoutes } from './routes.ts';

register({
  type: types.apiRoutes,
  id: 'networks',
  requires: [types.network, types.container],
  required: true,
  initFn: (ctx) =>
    networkRoutes({
      networks: ctx.getSingle<NetworkService>(types.network),
      containers: ctx.getSingle<ContainersRoom>(types.container).lifecycle,
    }),
});
