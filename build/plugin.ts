import type { Facts } from './scan-facts.ts';

/** The `pouchd` key of a plugin's package.json. */
export interface PluginKey {
  readonly title?: string;
  readonly kinds?: readonly string[];
  readonly optional?: boolean;
  readonly configSchema?: Record<string, unknown>;
  readonly order?: Record<string, unknown>;
}

/** A recorded plugin, found on disk. */
export interface ResolvedPlugin {
  readonly name: string;
  readonly version: string;
  /** As recorded in package.json: a version, range, file: or git address. */
  readonly spec: string;
  /** Integrity hash of the lock; absent for folders. */
  readonly integrity?: string;
  /** Where npm put it; a real path. */
  readonly dir: string;
  /** The folder it was recorded from, when it was one: messages speak of that. */
  readonly source?: string;
  /** Entry module, below `dir`. */
  readonly entry: string;
  readonly key: PluginKey;
  readonly volume: boolean;
}

/** A plugin with what the scan found in it. */
export interface VerifiedPlugin extends ResolvedPlugin {
  readonly facts: Facts;
}

/** `name@version`, the way messages name a plugin. */
export function pluginLabel(plugin: Pick<ResolvedPlugin, 'name' | 'version'>): string {
  return `${plugin.name}@${plugin.version}`;
}

/** A file of the installed copy as the author knows it: in the folder that was recorded. */
export function authorPath(plugin: Pick<ResolvedPlugin, 'dir' | 'source'>, file: string): string {
  return plugin.source && file.startsWith(`${plugin.dir}/`) ? plugin.source + file.slice(plugin.dir.length) : file;
}
