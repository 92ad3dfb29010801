import { register, types } from '../../../hookplugins/registry.ts';
import { pingRoutes } from './ping.ts';

register({ type: types.apiRoutes, id: 'system', initFn: () => [...pingRoutes()] });
