/*
 * The one registry. A registration is { type, id, requires, initFn }; `register` refuses bad ones at once and keeps the rest in order of
 * registration, under a symbol on globalThis so that a second copy of this package still registers into the same list. `graph.ts` orders them,
 * `init.ts` initialises them. `withPackage` says which npm package the registrations made inside it come from.
 */
import { invalidArgument, messageOf } from '../daemon/errors/error.ts';
import type { InitContext, JsonSchema, PackageRef, PluginPackage, RegistrationMeta } from './context.ts';
import { pluginScope } from './scope.ts';
import { types } from './types.ts';

export type { JsonSchema, PluginPackage } from './context.ts';
export { type Layer, layerOf, type TypeName, types } from './types.ts';

/** Version of the plugin API; a plugin file built for another one is refused. */
export const apiVersion = 1;

/** The configuration of a registration: its section (by URI) is laid over `default` and checked against `schema`. */
export interface RegistrationConfig {
  readonly default?: Record<string, unknown>;
  readonly schema?: JsonSchema;
}

/** One part of the daemon. Its URI is `type.id`. */
export interface Registration<T = unknown> {
  /** `io.pouchd.<kind>.v1`, see `types`. */
  readonly type: string;
  readonly id: string;
  /** Types whose registrations are initialised before this one; `['*']` is all others. A type that nobody provides is no error here. */
  readonly requires?: readonly string[];
  readonly config?: RegistrationConfig;
  /** Brings a section written for config version `from` to `from + 1`. */
  configMigration?(section: Record<string, unknown>, from: number): Record<string, unknown>;
  /** Left out of the graph when true. */
  readonly disable?: boolean;
  /** The daemon does not start when this fails or is skipped, as if `required_plugins` named it. */
  readonly required?: boolean;
  /** Of a hook plugin its object, so that what it listens at is known without a start; `register*Plugin` sets it. */
  readonly hook?: object;
  /** First value of `ctx.meta`. */
  readonly meta?: Partial<RegistrationMeta>;
  /** Builds the instance. One with `[Symbol.asyncDispose]`, `[Symbol.dispose]` or `close` is closed by it when the daemon stops, in reverse order. */
  initFn(ctx: InitContext): T | Promise<T>;
}

/** A registration with the package it came from. */
export interface RegisteredPlugin extends Registration {
  readonly requires: readonly string[];
  readonly package: PluginPackage;
}

/** A package whose module threw while it was loaded. */
export interface FailedPackage extends PackageRef {
  readonly optional: boolean;
  readonly error: Error;
}

interface Registry {
  readonly apiVersion: number;
  readonly registrations: RegisteredPlugin[];
  readonly packages: PluginPackage[];
  readonly failed: FailedPackage[];
  current: PluginPackage | undefined;
}

const key = Symbol.for('pouchd.registry.v1');
/** The package that the daemon's own rooms are of. */
export const ownPackage: PackageRef = { name: 'pouchd', version: '' };

function registry(): Registry {
  const host = globalThis as { [key]?: Registry }; // the one global of the project
  host[key] ??= { apiVersion, registrations: [], packages: [], failed: [], current: undefined };
  return host[key];
}

/** `type.id`, the name of a registration everywhere: config sections, required_plugins, disabled_plugins, directories. */
export function uriOf(registration: { readonly type: string; readonly id: string }): string {
  return `${registration.type}.${registration.id}`;
}

/** `name@version` for messages. */
export function packageLabel(ref: PackageRef): string {
  return ref.version ? `${ref.name}@${ref.version}` : ref.name;
}

/**
 * Adds a registration: the general door, for the daemon's own rooms and for plugins alike. Throws invalidArgument for no type, no id, a URI that is taken
 * (naming both packages), `*` beside other requires, and a requirement on its own type.
 */
export function register<T>(registration: Registration<T>): void {
  const state = registry();
  const owner: PluginPackage = state.current ?? ownPackage;
  state.registrations.push(checked(registration, owner, state.registrations));
}

/** Checks a registration against those before it and completes it; `register` is this and a push. */
export function checked(registration: Registration, owner: PluginPackage, before: readonly RegisteredPlugin[]): RegisteredPlugin {
  const { type, id, requires = [] } = registration;
  const by = packageLabel(owner);
  if (typeof type !== 'string' || type === '') throw invalidArgument(`registration of package ${by} has no type`);
  if (typeof id !== 'string' || id === '') throw invalidArgument(`registration of type ${type} of package ${by} has no id`);
  const uri = uriOf(registration);
  if (typeof registration.initFn !== 'function') throw invalidArgument(`registration ${uri} of package ${by} has no initFn`);
  if (requires.includes('*') && requires.length > 1)
    throw invalidArgument(`registration ${uri} of package ${by} requires * beside other types`);
  if (requires.includes(type)) throw invalidArgument(`registration ${uri} of package ${by} requires its own type`);
  const twin = before.find((other) => other.type === type && other.id === id);
  if (twin)
    throw invalidArgument(`registration ${uri} exists twice: of package ${packageLabel(twin.package)} and of package ${by}`);
  return Object.freeze({
    ...registration,
    initFn: registration.initFn.bind(registration),
    requires: Object.freeze([...requires]),
    package: owner,
  });
}

/** All registrations so far, in order: a copy. */
export function registrations(): RegisteredPlugin[] {
  return [...registry().registrations];
}

/** The packages that `withPackage` was called for, in order: a copy. */
export function packages(): PluginPackage[] {
  return [...registry().packages];
}

/** Optional packages that failed to load: a copy. */
export function failedPackages(): FailedPackage[] {
  return [...registry().failed];
}

/** The package whose module is being loaded, if any. */
export function currentPackage(): PluginPackage | undefined {
  return registry().current;
}

/**
 * Runs `load` (a `require` or an `import` of a plugin package) and attributes the registrations it makes to that package. When it throws, what it had registered
 * is taken back, and the error comes out naming the package; for an optional package it is kept in `failedPackages` instead. An asynchronous `load` must be awaited
 * before the next call.
 */
export function withPackage<T>(owner: PluginPackage, load: () => Promise<T>): Promise<T | undefined>;
export function withPackage<T>(owner: PluginPackage, load: () => T): T | undefined;
export function withPackage<T>(owner: PluginPackage, load: () => T | Promise<T>): T | undefined | Promise<T | undefined> {
  const state = registry();
  const outer = state.current;
  const had = state.registrations.length;
  state.current = owner;
  state.packages.push(owner);
  const fail = (cause: unknown): undefined => {
    state.current = outer;
    state.registrations.length = had;
    const error = invalidArgument(`plugin package ${packageLabel(owner)} failed to load: ${messageOf(cause)}`, cause);
    if (!owner.optional) throw error;
    state.failed.push({ name: owner.name, version: owner.version, optional: true, error });
    return undefined;
  };
  try {
    const loaded = pluginScope.run(
      { plugin: { id: owner.name, package: owner.name, version: owner.version }, point: 'load' },
      load,
    );
    if (loaded instanceof Promise) {
      return loaded.then((value) => {
        state.current = outer;
        return value;
      }, fail);
    }
    state.current = outer;
    return loaded;
  } catch (error) {
    return fail(error);
  }
}

/** Runs `body` with an empty registry of its own and returns what it registered; the real one is untouched. For tests and the builder's checks. */
export async function collectRegistrations(body: () => unknown): Promise<RegisteredPlugin[]> {
  const host = globalThis as { [key]?: Registry };
  const outer = host[key];
  const inner: Registry = { apiVersion, registrations: [], packages: [], failed: [], current: undefined };
  host[key] = inner;
  try {
    await body();
    return inner.registrations;
  } finally {
    host[key] = outer;
  }
}

/** The registration type of the hook plugins of a kind. */
export function hookType(kind: string): string {
  return types.hookDaemon.replace('.daemon.', `.${kind}.`);
}
