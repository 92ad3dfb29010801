import { invalidArgument } from '../daemon/errors/error.ts';
import type { HookContext } from './context.ts';
import type { OrderHints } from './order.ts';
import { type ArgsOf, kindOfPoint, methodOfPoint, type PluginKind, type PointName, pointNames, type ResultOf } from './points.ts';
import { currentPackage, hookType, type JsonSchema, packageLabel, register } from './registry.ts';
import { types } from './types.ts';
import type { VolumeDriver } from './volume-driver.ts';

/** A value or a promise of it. */
export type Awaitable<T> = T | Promise<T>;

/** The method of a hook point: its arguments and then the context. A `chain` method that returns undefined leaves the value as it is. */
export type HookMethod<P extends PointName, Config = Record<string, unknown>> = (
  ...args: [...ArgsOf<P>, ctx: HookContext<Config>]
) => Awaitable<ResultOf<P>>;

/** What every hook plugin may say beside its methods. */
export interface PluginBase extends OrderHints {
  /** Defaults to the name of the package. Two plugins of one kind cannot have the same. */
  readonly id?: string;
  /** JSON schema of the plugin's config section; the one in package.json serves when this is missing. */
  readonly configSchema?: JsonSchema;
}

/** A hook plugin of one kind: any of the kind's methods. */
export type Plugin<K extends PluginKind, Config = Record<string, unknown>> = PluginBase & {
  [P in PointName as P extends `${K}.${infer Method}` ? Method : never]?: HookMethod<P, Config>;
};

export type DaemonPlugin<Config = Record<string, unknown>> = Plugin<'daemon', Config>;
export type ContainerPlugin<Config = Record<string, unknown>> = Plugin<'container', Config>;
export type ExecPlugin<Config = Record<string, unknown>> = Plugin<'exec', Config>;
export type ImagePlugin<Config = Record<string, unknown>> = Plugin<'image', Config>;
export type VolumePlugin<Config = Record<string, unknown>> = Plugin<'volume', Config>;
export type NetworkPlugin<Config = Record<string, unknown>> = Plugin<'network', Config>;
export type CriPlugin<Config = Record<string, unknown>> = Plugin<'cri', Config>;
export type APIPlugin<Config = Record<string, unknown>> = Plugin<'api', Config>;

/** What a hook registration's `initFn` gives: the plugin's object, with its methods by name. */
export type AnyPlugin = PluginBase & Readonly<Record<string, unknown>>;

const baseKeys = new Set(['id', 'configSchema', 'before', 'after', 'priority', 'requires']);

/**
 * Registers a hook plugin of a kind: what the `register*Plugin` functions do. Throws invalidArgument for a plugin without any method of the kind, and for a member
 * that is neither a method of the kind nor one of PluginBase (a misspelt method would otherwise never be called).
 */
export function registerHookPlugin<K extends PluginKind, Config>(kind: K, plugin: Plugin<K, Config>): void {
  const owner = currentPackage();
  const by = owner ? packageLabel(owner) : 'pouchd';
  if (plugin === null || typeof plugin !== 'object') throw invalidArgument(`${kind} plugin of package ${by} is not an object`);
  const id = plugin.id ?? owner?.name;
  if (!id) throw invalidArgument(`${kind} plugin has no id and comes from no package`);
  const methods = pointNames.filter((name) => kindOfPoint(name) === kind).map(methodOfPoint);
  const members = membersOf(plugin);
  for (const name of members) {
    const value = (plugin as AnyPlugin)[name]; // looked at by name, whatever it is
    if (methods.includes(name) && value !== undefined && typeof value !== 'function') {
      throw invalidArgument(`${kind} plugin ${id} of package ${by}: ${name} is not a function`);
    }
    if (typeof value === 'function' && !methods.includes(name)) {
      throw invalidArgument(
        `${kind} plugin ${id} of package ${by}: there is no hook ${kind}.${name}; the kind has ${methods.join(', ')}`,
      );
    }
    if (
      typeof value !== 'function' &&
      !baseKeys.has(name) &&
      Object.hasOwn(plugin, name) &&
      Object.getPrototypeOf(plugin) === Object.prototype
    ) {
      throw invalidArgument(`${kind} plugin ${id} of package ${by}: unknown member ${name}`);
    }
  }
  if (!members.some((name) => typeof (plugin as AnyPlugin)[name] === 'function')) {
    throw invalidArgument(`${kind} plugin ${id} of package ${by} has none of ${methods.join(', ')}`);
  }
  register({ type: hookType(kind), id, hook: plugin, initFn: () => plugin });
}

/** Own members, and for an instance of a class the public methods of its classes. */
function membersOf(plugin: object): string[] {
  const names = new Set(Object.keys(plugin));
  for (let at: unknown = Object.getPrototypeOf(plugin); at && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const name of Object.getOwnPropertyNames(at))
      if (name !== 'constructor' && pointNames.some((point) => methodOfPoint(point) === name)) names.add(name);
  }
  return [...names];
}

/** Hooks of the daemon's life: start, stop, reload, health. */
export function registerDaemonPlugin<Config = Record<string, unknown>>(plugin: DaemonPlugin<Config>): void {
  registerHookPlugin<'daemon', Config>('daemon', plugin);
}

/** Hooks of a container's life. */
export function registerContainerPlugin<Config = Record<string, unknown>>(plugin: ContainerPlugin<Config>): void {
  registerHookPlugin<'container', Config>('container', plugin);
}

/** Hooks of execs. */
export function registerExecPlugin<Config = Record<string, unknown>>(plugin: ExecPlugin<Config>): void {
  registerHookPlugin<'exec', Config>('exec', plugin);
}

/** Hooks of images. */
export function registerImagePlugin<Config = Record<string, unknown>>(plugin: ImagePlugin<Config>): void {
  registerHookPlugin<'image', Config>('image', plugin);
}

/** Hooks of volumes. */
export function registerVolumePlugin<Config = Record<string, unknown>>(plugin: VolumePlugin<Config>): void {
  registerHookPlugin<'volume', Config>('volume', plugin);
}

/** Hooks of networks. */
export function registerNetworkPlugin<Config = Record<string, unknown>>(plugin: NetworkPlugin<Config>): void {
  registerHookPlugin<'network', Config>('network', plugin);
}

/** Hooks of containers that Kubernetes creates. */
export function registerCriPlugin<Config = Record<string, unknown>>(plugin: CriPlugin<Config>): void {
  registerHookPlugin<'cri', Config>('cri', plugin);
}

/** Hooks of the HTTP API: its routes and its requests. */
export function registerAPIPlugin<Config = Record<string, unknown>>(plugin: APIPlugin<Config>): void {
  registerHookPlugin<'api', Config>('api', plugin);
}

/** Adds a volume driver under its name. */
export function registerVolumeDriver(driver: VolumeDriver): void {
  register({ type: types.volumeDriver, id: driver.name, initFn: () => driver });
}
