import { type RegisteredPlugin, registrations, types } from '../../hookplugins/registry.ts';
import type { DaemonConfig } from '../config/contract.ts';
import { ContainerdSupervisor } from '../ctrd/supervisor.ts';
import type { Logger } from '../lib/log.ts';

/**
 * Starts our own containerd before the rooms are loaded: it boots while the daemon reads its own code, and the spawn is cheap while the process is small. Undefined
 * when containerd is not ours, or when a plugin has something to say about its configuration, which only the graph can tell.
 */
export function startContainerdEarly(config: DaemonConfig, log: Logger): ContainerdSupervisor | undefined {
  const hasSay = registrations().some((one) =>
    ([types.snapshotter, types.content, types.streamProcessor] as string[]).includes(one.type),
  );
  if (config.containerd !== '' || hasSay) return undefined;
  const { root, state, debug, proxyPlugins, streamProcessors } = config;
  const supervisor = new ContainerdSupervisor({
    root,
    state,
    debug,
    proxyPlugins,
    streamProcessors,
    log: log.withTag('containerd'),
  });
  supervisor.start();
  return supervisor;
}

/** The registrations with a containerd room that takes over what was started. */
export function withStarted(
  all: readonly RegisteredPlugin[],
  started: ContainerdSupervisor,
  { config, log }: { config: DaemonConfig; log: Logger },
): RegisteredPlugin[] {
  return all.map((one) => {
    if (one.type !== types.ctrd) return one;
    return {
      ...one,
      async initFn() {
        const { createCtrd } = await import('../ctrd/room.ts');
        const { root, state, debug } = config;
        return createCtrd({
          root,
          state,
          debug,
          socket: '',
          namespace: config.containerdNamespace,
          log: log.withTag('containerd'),
          started,
        });
      },
    };
  });
}
