import { AsyncLocalStorage } from 'node:async_hooks';
import type { PluginRef } from './context.ts';

/** Whose code runs. */
export interface ScopeOwner {
  readonly plugin: PluginRef;
  /** The hook point that is being called, or what else the plugin does: `load`, `init`. */
  readonly point: string;
  /** Where stray errors are counted. */
  readonly stats?: { leaks: number };
}

/**
 * Which plugin the running code belongs to, across awaits, timers and events: hook calls, `initFn` and the loading of a plugin package run inside. It attributes rejections that nobody handled and
 * exceptions that nobody caught.
 */
export const pluginScope = new AsyncLocalStorage<ScopeOwner>();
