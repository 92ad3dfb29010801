/*
 * What the configuration says about each plugin. A section under `plugins` is found by the plugin's URI, its id or its package's name (the nearer one wins); `enabled`, `timeoutMs`
 * and `onError` are the caller's, what is left is checked against the plugin's own schema and becomes `ctx.config`.
 */
import { decodeSection } from '../../hookplugins/config-section.ts';
import type { PluginLog } from '../../hookplugins/context.ts';
import type { FailurePolicy } from '../../hookplugins/points.ts';
import { invalidArgument, messageOf } from '../errors/error.ts';
import type { HooksConfig } from './contract.ts';
import type { HookPlugin } from './subscribers.ts';

/** The settings of one plugin. */
export interface PluginSettings {
  readonly enabled: boolean;
  readonly timeoutMs?: number;
  readonly onError?: FailurePolicy;
  /** Frozen at the top: one object for all calls. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Why an optional plugin is off. */
  readonly error?: string;
}

const empty: Readonly<Record<string, unknown>> = Object.freeze({});

/** Settings of every plugin. Throws invalidArgument for a section that does not fit, except of an optional plugin, which is then off. */
export async function settle(
  plugins: readonly HookPlugin[],
  config: HooksConfig,
  log: PluginLog,
): Promise<Map<HookPlugin, PluginSettings>> {
  const sections = config.plugins ?? {};
  const used = new Set<string>();
  const settings = new Map<HookPlugin, PluginSettings>();
  for (const plugin of plugins) {
    const names = [plugin.ref.package, plugin.ref.id, plugin.uri].filter((name) => Object.hasOwn(sections, name));
    for (const name of names) used.add(name);
    settings.set(
      plugin,
      await settingsOf(
        plugin,
        [...new Set(names)].map((name) => sections[name]),
        log,
      ),
    );
  }
  const idle = Object.keys(sections).filter((name) => !used.has(name) && !/^io\.pouchd\.(?!hook\.)/.test(name));
  if (idle.length > 0) log.warn('config for plugins that are not compiled in', { plugins: idle });
  return settings;
}

async function settingsOf(plugin: HookPlugin, sections: readonly unknown[], log: PluginLog): Promise<PluginSettings> {
  try {
    if (sections.length === 0 && !plugin.schema) return { enabled: true, config: empty };
    const { enabled = true, timeoutMs, onError, ...section } = merged(plugin, sections);
    if (typeof enabled !== 'boolean') throw wrong(plugin, 'enabled must be true or false');
    if (timeoutMs !== undefined && !(typeof timeoutMs === 'number' && timeoutMs >= 1 && timeoutMs <= 2 ** 31 - 1)) {
      throw wrong(plugin, 'timeoutMs must be a number of milliseconds from 1');
    }
    if (onError !== undefined && onError !== 'abort' && onError !== 'log')
      throw wrong(plugin, 'onError must be "abort" or "log"');
    const decoded = enabled ? await decodeSection({ owner: ownerOf(plugin), section, schema: plugin.schema, log }) : section;
    return { enabled, timeoutMs, onError, config: Object.freeze(decoded) };
  } catch (error) {
    if (!plugin.optional) throw error;
    log.warn('optional plugin left out', { plugin: plugin.ref.id, package: plugin.ref.package, reason: messageOf(error) });
    return { enabled: false, config: empty, error: messageOf(error) };
  }
}

function merged(plugin: HookPlugin, sections: readonly unknown[]): Record<string, unknown> {
  const whole: Record<string, unknown> = {};
  for (const section of sections) {
    if (section === null || typeof section !== 'object' || Array.isArray(section)) throw wrong(plugin, 'must be an object');
    Object.assign(whole, section);
  }
  return whole;
}

const ownerOf = (plugin: HookPlugin) => `plugin ${plugin.ref.id}`;
const wrong = (plugin: HookPlugin, what: string) => invalidArgument(`config of ${ownerOf(plugin)} is not valid: ${what}`);
