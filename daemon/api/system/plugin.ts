import { randomUUID } from 'node:crypto';
import type { InitContext } from '../../../hookplugins/context.ts';
import { register, types } from '../../../hookplugins/registry.ts';
import type { DaemonConfig } from '../../config/contract.ts';
import type { Containers } from '../../containers/contract.ts';
import type { Ctrd } from '../../ctrd/contract.ts';
import type { EventBus } from '../../events/contract.ts';
import type { Hooks } from '../../hooks/contract.ts';
import type { ImageService } from '../../images/contract.ts';
import type { StdioService } from '../../stdio/contract.ts';
import type { Store } from '../../store/contract.ts';
import type { VolumeService } from '../../volumes/contract.ts';
import type { SystemBackend } from './backend.ts';
import { readHost } from './host.ts';
import { systemRoutes } from './routes.ts';
import { Tools } from './tools.ts';

register({
  type: types.apiRoutes,
  id: 'system',
  requires: [
    types.config,
    types.store,
    types.event,
    types.hooks,
    types.ctrd,
    types.image,
    types.volume,
    types.volumeDriver,
    types.networkDriver,
    types.container,
    types.stdio,
  ],
  required: true,
  initFn: (ctx) => systemRoutes(backendOf(ctx)),
});

function backendOf(ctx: InitContext): SystemBackend {
  const images = ctx.get<ImageService & Pick<SystemBackend, 'login'>>(types.image);
  return {
    config: ctx.getSingle<DaemonConfig>(types.config),
    host: readHost(),
    tools: new Tools(),
    daemonId: daemonId(ctx.getSingle<Store>(types.store)),
    events: ctx.getSingle<EventBus>(types.event),
    hooks: ctx.getSingle<Hooks>(types.hooks),
    ctrd: ctx.get<Ctrd>(types.ctrd),
    containers: ctx.get<Containers>(types.container),
    images,
    login: images?.login?.bind(images),
    volumes: ctx.get<VolumeService>(types.volume),
    volumeDrivers: idsOf(ctx, types.volumeDriver),
    networkDrivers: ['bridge', 'host', 'macvlan', 'null', ...idsOf(ctx, types.networkDriver)],
    stdio: ctx.get<StdioService>(types.stdio),
    eventReaders: 0,
  };
}

function idsOf(ctx: InitContext, type: string): string[] {
  const rows = ctx.getAll().filter((one) => one.type === type && one.status === 'ok');
  return rows.map((one) => one.id);
}

function daemonId(store: Store): string {
  const saved = store.get<string>('meta', 'daemonId');
  if (saved) return saved;
  const id = randomUUID();
  store.put('meta', 'daemonId', id);
  return id;
}
