import type { InitContext } from '../../hookplugins/context.ts';
import { register, types } from '../../hookplugins/registry.ts';
import type { Logger } from '../lib/log.ts';
import type { ProxyPlugin, StreamProcessor } from './containerd-config.ts';
import { createCtrd } from './room.ts';

/** What the room reads of the daemon's configuration. */
interface CtrdConfig {
  root: string;
  state: string;
  containerd: string;
  containerdNamespace: string;
  debug: boolean;
  proxyPlugins: Record<string, ProxyPlugin>;
  streamProcessors: Record<string, StreamProcessor>;
}

register({
  type: types.ctrd,
  id: 'containerd',
  requires: [types.config, types.log, types.snapshotter, types.content, types.streamProcessor],
  required: true,
  initFn: (ctx) => {
    const config = ctx.getSingle<CtrdConfig>(types.config);
    return createCtrd({
      root: config.root,
      state: config.state,
      socket: config.containerd,
      namespace: config.containerdNamespace,
      debug: config.debug,
      log: ctx.getSingle<Logger>(types.log).withTag('containerd'),
      proxyPlugins: {
        ...registered<ProxyPlugin>(ctx, types.snapshotter),
        ...registered<ProxyPlugin>(ctx, types.content),
        ...config.proxyPlugins,
      },
      streamProcessors: { ...registered<StreamProcessor>(ctx, types.streamProcessor), ...config.streamProcessors },
    });
  },
});

/** Proxies and stream processors of plugins: registrations of these types give what containerd's configuration needs. */
function registered<T>(ctx: InitContext, type: string): Record<string, T> {
  const rows = ctx.getAll().filter((one) => one.type === type && one.status === 'ok');
  return Object.fromEntries(rows.map((one) => [one.id, one.instance as T])); // what the type's registrations are documented to be
}
