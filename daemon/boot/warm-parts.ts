import { type RegisteredPlugin, types } from '../../hookplugins/registry.ts';
import type { NetworkService } from '../networks/contract.ts';
import { createWarmCtrd } from './warm-ctrd.ts';

/** The registrations for the builder's warm start (build/contract.md): a stand-in for containerd, and networks that set nothing up. */
export function warmParts(all: readonly RegisteredPlugin[]): RegisteredPlugin[] {
  return all.map((one) => {
    if (one.type === types.ctrd) return { ...one, initFn: createWarmCtrd };
    if (one.type !== types.network) return one;
    return {
      ...one,
      async initFn(ctx) {
        const networks = (await one.initFn(ctx)) as NetworkService; // what the type is for
        networks.restore = async () => undefined;
        return networks;
      },
    };
  });
}
