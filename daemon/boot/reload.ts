import type { DaemonConfig } from '../config/contract.ts';
import type { ParsedFlags } from '../config/flags.ts';
import { reloadConfig } from '../config/load.ts';
import { messageOf } from '../errors/error.ts';
import type { EventBus } from '../events/contract.ts';
import type { Hooks } from '../hooks/contract.ts';
import type { Logger } from '../lib/log.ts';

/** What a reload touches. */
export interface ReloadDeps {
  readonly config: DaemonConfig;
  readonly flags: ParsedFlags;
  readonly log: Logger;
  readonly hooks: Pick<Hooks, 'reload' | 'run'>;
  readonly events: Pick<EventBus, 'publish'>;
  setDebug(isDebug: boolean): void;
}

/** SIGHUP: reads the configuration again and takes over what may change while the daemon runs. A bad file is told in the log and changes nothing. Never throws. */
export async function reload(deps: ReloadDeps): Promise<void> {
  const { config, flags, log, hooks, events, setDebug } = deps;
  const before = structuredClone(config);
  try {
    const changed = reloadConfig(config, flags);
    try {
      await hooks.reload(config);
    } catch (error) {
      Object.assign(config, before);
      throw error;
    }
    setDebug(config.debug);
    log.info('configuration reloaded', { changed: changed.join(' ') || 'nothing' });
    const attributes = Object.fromEntries(changed.map((key) => [key, String(JSON.stringify(configValue(config, key)))]));
    events.publish({ type: 'daemon', action: 'reload', id: before.root, attributes });
    await hooks.run('daemon.configReload', structuredClone(config) as unknown as Record<string, unknown>); // plain data
  } catch (error) {
    log.error('configuration not reloaded', { error: messageOf(error) });
  }
}

function configValue(config: DaemonConfig, key: string): unknown {
  return key.split('.').reduce<unknown>((at, part) => (at as Record<string, unknown>)[part], config); // keys of the options table
}
