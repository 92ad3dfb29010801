/*
 * One life of the daemon: lock the root, load the rooms and plugins, initialise the graph, call the plugins' preStartHook, open the doors, wait for a signal, and take everything
 * down in reverse order. Containers and their shims go on.
 */
import type { PluginSet } from '../../hookplugins/init.ts';
import { initAll } from '../../hookplugins/init.ts';
import { layerOf, type RegisteredPlugin, registrations, types } from '../../hookplugins/registry.ts';
import type { DaemonConfig } from '../config/contract.ts';
import type { ParsedFlags } from '../config/flags.ts';
import type { ContainerdSupervisor } from '../ctrd/supervisor.ts';
import type { EventBus } from '../events/contract.ts';
import type { Hooks } from '../hooks/contract.ts';
import { guardProcess } from '../hooks/guard.ts';
import type { Logger } from '../lib/log.ts';
import { engineVersion } from '../lib/version.ts';
import { isWarmStart } from '../lib/warm.ts';
import { withStarted } from './early.ts';
import { cpuMs, trimWhenIdle } from './idle-trim.ts';
import { provide } from './provide.ts';
import { reload } from './reload.ts';
import './builtins.ts';

/** What `main` has settled before the rooms are loaded. */
export interface RunOptions {
  readonly config: DaemonConfig;
  readonly flags: ParsedFlags;
  readonly log: Logger;
  /** Our own containerd, when it is on its way already. */
  readonly containerd: ContainerdSupervisor | undefined;
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
  log.debug('rooms loaded', { sinceStartMs: Math.round(started) });
  const stop = stopSignal(log);
  const reloads = reloadSignal();
  const strayGuard = (error: unknown): void => log.error('unhandled rejection during the start', { error });
  process.on('unhandledRejection', strayGuard); // a plugin's, most likely: later the hook caller knows whose
  const set = await start(options, stop);
  if (!set) return;
  for (const one of set.plugins) log.debug('plugin initialised', { uri: one.uri, ms: one.initMs.toFixed(1) });
  const hooks = set.getSingle<Hooks>(types.hooks);
  guardProcess(hooks, log, () => process.exit(70));
  process.off('unhandledRejection', strayGuard);
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
    log.debug('start cost', { cpuMs: Math.round(cpuMs()) });
    warmed(config);
    reloads.listen(() => void reload({ ...options, hooks, events: set.getSingle<EventBus>(types.event) }));
    const endTrim = trimWhenIdle(log);
    await aborted(stop);
    endTrim();
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

/** Initialises the graph; undefined when a signal ended the start, with everything down again. */
async function start(options: RunOptions, stop: AbortSignal): Promise<PluginSet | undefined> {
  const { config, log } = options;
  try {
    return await initAll(await parts(options), {
      root: config.root,
      state: config.state,
      addresses: { containerd: config.containerd, api: config.hosts[0] ?? '', grpc: config.grpc.hosts[0] ?? '' },
      config: config.plugins,
      configVersion: config.configVersion,
      required: config.requiredPlugins,
      disabled: config.disabledPlugins,
      signal: stop,
      log,
    });
  } catch (error) {
    if (!stop.aborted || error !== stop.reason) throw error;
    log.info('daemon stops before it was ready', { signal: String(stop.reason) });
    return undefined;
  }
}

async function parts({ config, log, containerd }: RunOptions): Promise<RegisteredPlugin[]> {
  provide(config, log);
  if (isWarmStart()) return (await import('./warm-parts.ts')).warmParts(registrations());
  return containerd ? withStarted(registrations(), containerd, { config, log }) : registrations();
}

function doors(set: PluginSet): Door[] {
  return set.plugins
    .filter((one) => layerOf(one.type) === 'door' && one.status === 'ok' && isDoor(one.instance))
    .map((one) => one.instance as Door); // checked
}

function isDoor(value: unknown): boolean {
  return value !== null && typeof value === 'object' && 'open' in value && typeof value.open === 'function';
}

/** Aborts with the signal's name; a third signal ends the process at once, as Docker's does. */
function stopSignal(log: Logger): AbortSignal {
  const controller = new AbortController();
  let signals = 0;
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.on(name, () => {
      signals += 1;
      if (signals >= 3) {
        log.warn('third signal: leaving at once', { signal: name });
        process.exit(1);
      }
      controller.abort(name);
    });
  }
  return controller.signal;
}

/** SIGHUP must not end a daemon that is still starting: one that comes early is heard when there is something to reload. */
function reloadSignal(): { listen(onReload: () => void): void } {
  let isWaiting = false;
  let heard = (): void => {
    isWaiting = true;
  };
  process.on('SIGHUP', () => heard());
  return {
    listen(onReload) {
      heard = onReload;
      if (isWaiting) onReload();
    },
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/**
 * Tells the builder's warm start that the API listens, see build/contract.md. Nothing is asked of the API before: what a socket's timing decides about which functions are
 * compiled would make two builds differ.
 */
function warmed(config: DaemonConfig): void {
  const tell = (globalThis as { [key: symbol]: unknown })[Symbol.for('pouchd.warm')]; // set by build/warm-run.cjs
  if (typeof tell !== 'function') return;
  const host = config.hosts[0] ?? '';
  tell({ socket: host.replace('unix://', '') });
}
