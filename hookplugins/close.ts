import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, PouchError } from '../daemon/errors/error.ts';
import type { InitialisedPlugin, PluginLog } from './context.ts';

/** Closes one instance by what it offers (async dispose, dispose, close). Never throws: a failure, or a close that takes longer than the deadline, is logged. */
export async function closeInstance(plugin: InitialisedPlugin, deadlineMs: number, log: PluginLog): Promise<void> {
  const close = closerOf(plugin.instance);
  if (!close) return;
  const timer = new AbortController();
  const late = sleep(deadlineMs, undefined, { signal: timer.signal }).then(
    () => Promise.reject(new PouchError('deadlineExceeded', `not closed within ${deadlineMs} ms`)),
    () => undefined,
  );
  try {
    await Promise.race([Promise.resolve(close()), late]);
  } catch (error) {
    log.error('plugin failed to close', { uri: plugin.uri, error: messageOf(error) });
  } finally {
    timer.abort();
  }
}

function closerOf(instance: unknown): (() => unknown) | undefined {
  if (instance === null || typeof instance !== 'object') return undefined;
  const candidate = instance as Record<PropertyKey, unknown>; // looked into, never trusted
  const own = candidate[Symbol.asyncDispose] ?? candidate[Symbol.dispose] ?? candidate['close'];
  return typeof own === 'function' ? () => own.call(instance) : undefined;
}
