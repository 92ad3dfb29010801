/*
 * For tests of plugins. `testPlugin` loads a plugin package as the daemon would (registrations attributed to its package, its config checked against its schema) and gives a handle that
 * calls its hooks one by one with a context of its own. `runHook` is that in one call. `scratchDaemon` starts a real pouchd with a plugin in it.
 */

import { decodeSection } from './config-section.ts';
import type { HookContext, LogFields, PluginPackage } from './context.ts';
import type { AnyPlugin } from './plugin.ts';
import {
  type ArgsOf,
  kindOfPoint,
  methodOfPoint,
  type PointData,
  type PointName,
  points,
  type ResultCheck,
  type ResultOf,
} from './points.ts';
import { collectRegistrations, hookType, type JsonSchema, type RegisteredPlugin, types, withPackage } from './registry.ts';
import type { VolumeDriver } from './volume-driver.ts';

export { type ScratchDaemon, type ScratchOptions, scratchDaemon } from './scratch-daemon.ts';

/** Loads the module under test: `() => import('./index.ts')`. Its registrations are remembered, so it may be loaded for every test. */
export type Load = () => unknown;

/** What of a package.json matters: import it with `{ type: 'json' }`. */
export interface PackageJson {
  readonly name: string;
  readonly version: string;
  readonly pouchd?: {
    readonly optional?: boolean;
    readonly title?: string;
    readonly configSchema?: object;
    readonly order?: object;
  };
}

/** How a plugin is tested. */
export interface TestOptions {
  /** Its package.json; a package `plugin-under-test` without schema when missing. */
  readonly package?: PackageJson;
  /** Its section of the daemon's configuration. */
  readonly config?: Record<string, unknown>;
  readonly signal?: AbortSignal;
}

/** A line that the plugin logged. */
export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: LogFields;
}

/** A loaded plugin package. */
export interface PluginUnderTest {
  /** What it registered, in order. */
  readonly registrations: readonly RegisteredPlugin[];
  /** What it logged so far. */
  readonly log: readonly LogLine[];
  /** True when it has a method for the point. */
  has(point: PointName): boolean;
  /**
   * Calls a hook and gives its result, checked as the daemon checks it; a `chain` that returns nothing gives its first argument. `each` hooks change the arguments that you gave. Throws what the plugin
   * throws; a point it does not listen at is an error.
   */
  call<P extends PointName>(point: P, ...args: ArgsOf<P>): Promise<ResultOf<P>>;
  /** A volume driver that it registered. */
  volumeDriver(name: string): VolumeDriver;
}

const remembered = new WeakMap<object, RegisteredPlugin[]>();

/** Loads a plugin package for tests. Throws what the daemon would say: nothing registered, a config section that does not fit. */
export async function testPlugin(load: Load, options: TestOptions = {}): Promise<PluginUnderTest> {
  const registrations = await registrationsOf(load, packageOf(options.package));
  const log: LogLine[] = [];
  const at =
    (level: LogLine['level']) =>
    (message: string, fields: LogFields = {}) =>
      void log.push({ level, message, fields });
  const logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  const contexts = new Map<RegisteredPlugin, HookContext>();
  for (const one of registrations) {
    if (!one.hook) continue;
    const schema: JsonSchema | undefined =
      (one.hook as AnyPlugin).configSchema ?? (options.package?.pouchd?.configSchema as JsonSchema | undefined); // as registered
    const config = await decodeSection({ owner: `plugin ${one.id}`, section: options.config ?? {}, schema });
    const plugin = { id: one.id, package: one.package.name, version: one.package.version };
    contexts.set(one, {
      config: Object.freeze(config),
      plugin,
      log: logger,
      signal: options.signal ?? new AbortController().signal,
    });
  }
  const listeners = (point: PointName) =>
    registrations.filter(
      (one) => one.type === hookType(kindOfPoint(point)) && typeof methodsOf(one)[methodOfPoint(point)] === 'function',
    );
  return {
    registrations,
    log,
    has: (point) => listeners(point).length > 0,
    async call<P extends PointName>(point: P, ...args: ArgsOf<P>): Promise<ResultOf<P>> {
      const listening = listeners(point);
      if (listening.length === 0) throw new Error(`the plugin does not listen at ${point}`);
      let result: unknown;
      let current: readonly unknown[] = args;
      for (const one of listening) {
        result = await callOne({ one, point, args: current, context: contexts.get(one)! });
        if (points[point].mode === 'chain') current = [result, ...current.slice(1)];
      }
      return result as ResultOf<P>; // checked in callOne
    },
    volumeDriver(name) {
      const driver = registrations.find((one) => one.type === types.volumeDriver && one.id === name);
      if (!driver) throw new Error(`the plugin registers no volume driver ${name}`);
      return driver.initFn({} as never) as VolumeDriver; // registerVolumeDriver's
    },
  };
}

/** Loads a plugin package and calls one hook with a recorded request, in one go. `args` are the given ones as the plugin left them (copies where they can be copied). */
export async function runHook<P extends PointName>(
  load: Load,
  call: { readonly point: P; readonly args: ArgsOf<P> } & TestOptions,
): Promise<{ result: ResultOf<P>; args: ArgsOf<P>; log: readonly LogLine[] }> {
  const plugin = await testPlugin(load, call);
  const args = call.args.map(copied) as unknown as ArgsOf<P>; // the same tuple
  const result = await plugin.call(call.point, ...args);
  return { result, args, log: plugin.log };
}

async function registrationsOf(load: Load, owner: PluginPackage): Promise<RegisteredPlugin[]> {
  let loaded: unknown;
  const made = await collectRegistrations(() =>
    withPackage(owner, async () => {
      loaded = await load();
    }),
  );
  const module = typeof loaded === 'object' && loaded !== null ? loaded : undefined;
  const known = module && remembered.get(module);
  if (made.length === 0 && known) return known.map((one) => ({ ...one, package: owner }));
  if (made.length === 0)
    throw new Error('the plugin registers nothing when it is loaded; was its module imported before testPlugin?');
  if (module) remembered.set(module, made);
  return made;
}

async function callOne(call: {
  one: RegisteredPlugin;
  point: PointName;
  args: readonly unknown[];
  context: HookContext;
}): Promise<unknown> {
  const { one, point, args, context } = call;
  const row: PointData & { mode: string; result?: ResultCheck } = points[point];
  const method = methodsOf(one)[methodOfPoint(point)] as (...all: unknown[]) => unknown; // only called for those that have it
  const value = await method.apply(one.hook, [...args, context]);
  if (row.mode === 'each') return undefined;
  if (value === undefined) return row.mode === 'chain' ? args[0] : value;
  if (row.result && !row.result.is(value))
    throw new Error(`plugin ${one.id} at ${point}: returned ${JSON.stringify(value)}, expected ${row.result.what}`);
  return value;
}

const methodsOf = (one: RegisteredPlugin) => one.hook as AnyPlugin; // set by registerHookPlugin

function packageOf(json: PackageJson = { name: 'plugin-under-test', version: '0.0.0' }): PluginPackage {
  return { ...(json.pouchd as Omit<PluginPackage, 'name' | 'version'> | undefined), name: json.name, version: json.version }; // as the builder reads it
}

function copied<T>(value: T): T {
  try {
    return structuredClone(value);
  } catch {
    return value; // streams and functions go as they are
  }
}
