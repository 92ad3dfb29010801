import { isDeepStrictEqual } from 'node:util';
import { type HookContext, registerDaemonPlugin } from '@pouchd/hookplugins';
import { Assistant, type AssistantConfig } from './assistant.ts';

let assistant: Assistant | undefined;
let running: AssistantConfig | undefined;

async function start({ config, log }: HookContext<AssistantConfig>): Promise<void> {
  running = config;
  if (!config.command) {
    log.warn('no assistant is configured', { key: 'command' });
    return;
  }
  const next = new Assistant({ ...config, command: config.command }, log);
  await next.start();
  assistant = next;
}

async function stop(): Promise<void> {
  const last = assistant;
  assistant = undefined;
  await last?.stop();
}

registerDaemonPlugin<AssistantConfig>({
  preStartHook: start,
  preStopHook: stop,
  async configReload(_whole, ctx) {
    if (isDeepStrictEqual(ctx.config, running)) return;
    await stop();
    await start(ctx);
  },
  health() {
    if (!assistant) return [];
    return [{ name: 'assistant', healthy: assistant.pid !== undefined, message: `${assistant.restarts} restarts` }];
  },
});
