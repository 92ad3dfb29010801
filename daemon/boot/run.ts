/*
 * One life of the daemon: lock the root, load the rooms and plugins, initialise the graph, call the plugins' preStartHook, open the doors, wait for a signal, and take everything
 * down in reverse order. Containers and their shims go on.
 */
import type { PluginSet } from '../../hookplugins/init.ts';
import { initAll } from '../../hookplugins/init.ts';
import { layerOf, registrations, types } from '../../hookplugins/registry.ts';
import type { DaemonConfig } from '../config/contract.ts';
import type { ParsedFlags } from '../config/flags.ts';
import type { EventBus } from '../events/contract.ts';
import type { Hooks } from '../hooks/contract.ts';
import { guardProcess } from '../hooks/guard.ts';
import type { Logger } from '../lib/log.ts';
import { engineVersion } from '../lib/version.ts';
import { isWarmStart } from '../lib/warm.ts';
import { loadPlugins } from './manifest.ts';
import { provide } from './provide.ts';
import { reload } from './reload.ts';
import './builtins.ts';

/** What `main` has settled before the rooms are loaded. */
export interface RunOptions {
  readonly config: DaemonConfig;
  readonly flags: ParsedFlags;
  readonly log: Logger;
  setDebug(isDebug: boolean): void;
}

/** A part of the daemon that listens: boot opens it last. */
interface Door {
  open(): Promise<void>;
  readonly addresses?: readonly string[];
}

/** Runs the daemon until SIGTERM or SIGINT. Throws what stops the start, after everything that was up is down again. */
export async function runDaemon(options: RunOptions): Promise<void> {
  const { config, log } = options;
  const started = performance.now();
  provide(config, log);
  loadPlugins();
  if (config.plugin.length > 0) {
    const { loadPluginFile } = await import('../hooks/load-file.ts');
    for (const file of config.plugin) loadPluginFile(file);
  }
  const stop = stopSignal(log);
  const parts = isWarmStart() ? (await import('./warm-parts.ts')).warmParts(registrations()) : registrations();
  const set = await initAll(parts, {
    root: config.root,
    state: config.state,
    addresses: { containerd: config.containerd, api: config.hosts[0] ?? '', grpc: config.grpc.hosts[0] ?? '' },
    config: config.plugins,
    required: config.requiredPlugins,
    disabled: config.disabledPlugins,
    signal: stop,
    log,
  });
  const hooks = set.getSingle<Hooks>(types.hooks);
  guardProcess(hooks, log, () => process.exit(70));
  try {
    if (!isWarmStart()) await hooks.run('daemon.preStartHook');
    await set.ready;
    for (const door of doors(set)) await door.open();
    log.info('daemon ready', {
      version: engineVersion,
      pid: process.pid,
      ms: Math.round(performance.now() - started),
      sinceStartMs: Math.round(performance.now()),
    });
    warmed(config);
    process.on('SIGHUP', () => void reload({ ...options, hooks, events: set.getSingle<EventBus>(types.event) }));
    await aborted(stop);
    log.info('daemon stops', { signal: String(stop.reason) });
    await hooks.run('daemon.preStopHook');
  } finally {
    const deadlineMs = config.shutdownTimeoutSeconds * 1000;
    setTimeout(() => {
      log.error('stop took too long', { seconds: config.shutdownTimeoutSeconds });
      process.exit(1);
    }, deadlineMs).unref();
    await set.close(deadlineMs / 2);
  }
}

function doors(set: PluginSet): Door[] {
  return set.plugins
    .filter((one) => layerOf(one.type) === 'door' && one.status === 'ok' && isDoor(one.instance))
    .map((one) => one.instance as Door); // checked
}

function isDoor(value: unknown): boolean {
  return value !== null && typeof value === 'object' && 'open' in value && typeof value.open === 'function';
}

/** Aborts with the signal's name; a second signal ends the process at once. */
function stopSignal(log: Logger): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) {
        log.warn('second signal: leaving at once', { signal: name });
        process.exit(1);
      }
      controller.abort(name);
    });
  }
  return controller.signal;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Tells the builder's warm start that the API listens, see build/contract.md. */
function warmed(config: DaemonConfig): void {
  const tell = (globalThis as { [key: symbol]: unknown })[Symbol.for('pouchd.warm')]; // set by build/warm-run.cjs
  if (typeof tell === 'function') tell({ socket: (config.hosts[0] ?? '').replace('unix://', '') });
}
