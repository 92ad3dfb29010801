import { join } from 'node:path';
import { register, types } from '../../hookplugins/registry.ts';
import type { DaemonConfig } from '../config/contract.ts';
import type { Ctrd } from '../ctrd/contract.ts';
import type { EventBus } from '../events/contract.ts';
import type { Hooks } from '../hooks/contract.ts';
import type { ImageService } from '../images/contract.ts';
import type { Logger } from '../lib/log.ts';
import type { NetworkService } from '../networks/contract.ts';
import type { HostFacts } from '../spec/contract.ts';
import type { StdioService } from '../stdio/contract.ts';
import type { Store } from '../store/contract.ts';
import type { VolumeService } from '../volumes/contract.ts';
import { type ContainersRoom, createContainers } from './lifecycle.ts';
import type { OciHookSource } from './room.ts';

/** The containers room in the graph; when it is initialised, the saved containers are back. */
register<ContainersRoom>({
  type: types.container,
  id: 'containers',
  requires: [
    types.config,
    types.log,
    types.store,
    types.ctrd,
    types.event,
    types.hooks,
    types.image,
    types.volume,
    types.network,
    types.stdio,
    types.spec,
    types.ociHooks,
  ],
  required: true,
  async initFn(ctx) {
    const containers = await createContainers({
      root: join(ctx.base.root, 'containers'),
      state: join(ctx.base.state, 'containers'),
      store: ctx.getSingle<Store>(types.store),
      ctrd: ctx.getSingle<Ctrd>(types.ctrd),
      images: ctx.getSingle<ImageService>(types.image),
      volumes: ctx.getSingle<VolumeService>(types.volume),
      networks: ctx.getSingle<NetworkService>(types.network),
      stdio: ctx.getSingle<StdioService>(types.stdio),
      hooks: ctx.getSingle<Hooks>(types.hooks),
      events: ctx.getSingle<EventBus>(types.event),
      config: ctx.getSingle<DaemonConfig>(types.config),
      log: ctx.getSingle<Logger>(types.log).withTag('containers'),
      host: ctx.getSingle<HostFacts>(types.spec),
      ociHooks: ctx.get<OciHookSource>(types.ociHooks),
    });
    await containers.restore();
    return containers;
  },
});
