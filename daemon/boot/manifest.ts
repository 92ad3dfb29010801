import type { PluginPackage } from '../../hookplugins/registry.ts';

/** Recorded plugins; the builder puts build/generated/plugins.ts in the place of this module. */
export const plugins: readonly PluginPackage[] = [];

/** Loads them in order, each inside `withPackage`. */
export function loadPlugins(): void {}
