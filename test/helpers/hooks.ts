import { createHooks } from '../../daemon/hooks/caller.ts';
import type { Hooks, HooksConfig } from '../../daemon/hooks/contract.ts';
import { type HookPlugin, hookPluginOf } from '../../daemon/hooks/subscribers.ts';
import type { AnyPlugin } from '../../hookplugins/plugin.ts';
import { collectRegistrations } from '../../hookplugins/registry.ts';
import { type RecordingLog, recordingLog } from './recording-log.ts';

/** The real caller over the plugins that `body` registers (with `register*Plugin` and `withPackage`), without the graph. */
export async function hooksOf(
  body: () => unknown,
  config: HooksConfig = {},
  log: RecordingLog = recordingLog(),
): Promise<Hooks & { log: RecordingLog }> {
  const plugins: HookPlugin[] = [];
  for (const registration of await collectRegistrations(body)) {
    const object = await registration.initFn({} as never);
    plugins.push(...[hookPluginOf(registration, object as AnyPlugin)].filter((one) => one !== undefined));
  }
  return Object.assign(await createHooks({ plugins, config, log }), { log });
}
