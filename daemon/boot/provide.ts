import { register, types } from '../../hookplugins/registry.ts';
import type { DaemonConfig } from '../config/contract.ts';
import type { Logger } from '../lib/log.ts';

/** Registers what exists before the graph: the configuration and the logger. */
export function provide(config: DaemonConfig, log: Logger): void {
  register({ type: types.config, id: 'daemon', required: true, initFn: () => config });
  register({ type: types.log, id: 'daemon', required: true, initFn: () => Object.create(log) as Logger }); // a view: closing the graph must not close the log
}
