import { register, types } from '../../../hookplugins/registry.ts';
import type { ContainersRoom } from '../../containers/lifecycle.ts';
import type { Hooks } from '../../hooks/contract.ts';
import { containerRoutes } from './routes.ts';

register({
  type: types.apiRoutes,
  id: 'containers',
  requires: [types.container, types.hooks],
  required: true,
  initFn(ctx) {
    const hooks = ctx.getSingle<Hooks>(types.hooks);
    const { lifecycle, listBody, inspectBody } = ctx.getSingle<ContainersRoom>(types.container);
    return containerRoutes({
      lifecycle,
      listBody,
      inspectBody,
      preUpdate: async (body) => (hooks.has('container.preUpdate') ? await hooks.chain('container.preUpdate', body) : body),
    });
  },
});
