import type { PluginLog } from '../../hookplugins/context.ts';
import { messageOf } from '../errors/error.ts';
import type { Hooks } from './contract.ts';

/**
 * Keeps a plugin's stray errors from ending the daemon: a rejection that nobody handled is logged, with the plugin it came from where one did; an exception thrown
 * from a plugin's timer or event is survived. An uncaught exception of the daemon itself goes to `fatal`. Returns the way out.
 */
export function guardProcess(hooks: Pick<Hooks, 'leaked'>, log: PluginLog, fatal: (error: unknown) => void): () => void {
  const onRejection = (error: unknown): void => {
    if (!hooks.leaked(error)) log.error('unhandled rejection', { error });
  };
  const onException = (error: unknown): void => {
    if (hooks.leaked(error)) return;
    log.error('uncaught exception', { error: error instanceof Error ? error : messageOf(error) });
    fatal(error);
  };
  process.on('unhandledRejection', onRejection);
  process.on('uncaughtException', onException);
  return () => {
    process.off('unhandledRejection', onRejection);
    process.off('uncaughtException', onException);
  };
}
