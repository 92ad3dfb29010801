/*
 * Initialises a graph in order. Errors are kept per registration and do not stop the daemon, except for what is required, what fails after it has asked for
 * readiness, and a config section that does not fit its schema. `close` runs in reverse order of initialisation, and also when a fatal error ends the start.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { invalidArgument, messageOf } from '../daemon/errors/error.ts';
import { closeInstance } from './close.ts';
import type { EventPublisher, InitContext, InitialisedPlugin, PluginLog, PluginLookup, RegistrationMeta } from './context.ts';
import { isSkip } from './errors.ts';
import { graph } from './graph.ts';
import { createLookup } from './lookup.ts';
import { configVersion, migrateSections } from './migrate.ts';
import { ownPackage, packageLabel, type RegisteredPlugin, uriOf } from './registry.ts';
import { pluginScope } from './scope.ts';

/** What the host gives to `initAll`. */
export interface InitOptions {
  /** Base of the root directories: each registration's is `<root>/<uri>`. */
  readonly root: string;
  /** Base of the state directories. */
  readonly state: string;
  readonly addresses?: Readonly<Record<string, string>>;
  /** Config sections by URI. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Version that the sections were written for; today's when missing. */
  readonly configVersion?: number;
  /** URIs without which the daemon does not start. */
  readonly required?: readonly string[];
  /** URIs that are left out of the graph. */
  readonly disabled?: readonly string[];
  readonly events?: EventPublisher;
  readonly signal?: AbortSignal;
  readonly log: PluginLog;
}

/** A started graph. */
export interface PluginSet extends PluginLookup, AsyncDisposable {
  /** Every registration in order of initialisation, with how it came out. */
  readonly plugins: readonly InitialisedPlugin[];
  /** Resolves when every registration that asked for readiness has said that it is ready. */
  readonly ready: Promise<void>;
  /** Closes all instances in reverse order, each within `deadlineMs` (10 s); failures are logged. Can be called twice. */
  close(deadlineMs?: number): Promise<void>;
}

/**
 * Orders and initialises registrations. Throws after closing what was up: for a required registration that failed, was skipped or is not there, for one that failed
 * after `ready()`, for a bad config section, and when `signal` is aborted.
 */
export async function initAll(registrations: readonly RegisteredPlugin[], options: InitOptions): Promise<PluginSet> {
  const { log } = options;
  const required = new Set(options.required);
  for (const uri of [...required, ...(options.disabled ?? [])]) checkUri(uri);
  const ordered = graph(registrations, { disabled: options.disabled });
  const sections = migrateSections(ordered, options.config ?? {}, options.configVersion ?? configVersion);
  const stop = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
  const plugins: InitialisedPlugin[] = [];
  const lookup = createLookup(plugins);
  const waits: Promise<void>[] = [];
  let closing: Promise<void> | undefined;

  const close = (deadlineMs = 10_000): Promise<void> => {
    closing ??= (async () => {
      stop.abort();
      for (const one of plugins.toReversed()) if (one.status === 'ok') await closeInstance(one, deadlineMs, log);
    })();
    return closing;
  };

  try {
    for (const registration of ordered) {
      signal.throwIfAborted();
      const readiness = { asked: false };
      const config = await decodeConfig(registration, sections, log);
      const context = createContext(registration, { ...options, signal, lookup, config, waits, readiness });
      const result = await initOne(registration, context, log);
      plugins.push(result);
      const uri = uriOf(registration);
      if (!result.error) continue;
      if (required.has(uri) || registration.required === true) {
        throw invalidArgument(`required plugin ${uri} failed: ${result.error.message}`, result.error);
      }
      if (readiness.asked)
        throw invalidArgument(`plugin ${uri} failed after it had asked to be waited for: ${result.error.message}`, result.error);
    }
    const missing = [...required].filter((uri) => !plugins.some((one) => one.uri === uri));
    if (missing.length > 0) throw invalidArgument(`required plugins not included: ${missing.join(', ')}`);
  } catch (error) {
    await close();
    throw error;
  }
  const ready = Promise.all(waits).then(() => undefined);
  return { ...lookup, plugins, ready, close, [Symbol.asyncDispose]: () => close() };
}

function checkUri(uri: string): void {
  if (uri.split('.').length < 4) throw invalidArgument(`not a plugin URI (type.id, e.g. io.pouchd.volume.v1.local): ${uri}`);
}

async function decodeConfig(
  registration: RegisteredPlugin,
  sections: Readonly<Record<string, unknown>>,
  log: PluginLog,
): Promise<Record<string, unknown>> {
  const section = sections[uriOf(registration)];
  const { default: defaults = {}, schema } = registration.config ?? {};
  if (section === undefined) return { ...defaults };
  const { decodeSection } = await import('./config-section.ts');
  return decodeSection({ owner: `plugin ${uriOf(registration)}`, section, defaults, schema, log });
}

async function initOne(registration: RegisteredPlugin, context: InitContext, log: PluginLog): Promise<InitialisedPlugin> {
  const started = performance.now();
  const row = {
    uri: uriOf(registration),
    type: registration.type,
    id: registration.id,
    requires: registration.requires,
    package: registration.package,
    meta: context.meta,
  };
  try {
    const instance = await inScope(registration, () => registration.initFn(context));
    return { ...row, status: 'ok', instance, initMs: performance.now() - started };
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown : new Error(messageOf(thrown));
    const status = isSkip(error) ? 'skip' : 'error';
    const fields = { uri: row.uri, package: packageLabel(row.package), reason: error.message };
    if (status === 'skip') log.info('plugin skipped', fields);
    else log.warn('plugin failed to initialise', { ...fields, error });
    return { ...row, status, error, initMs: performance.now() - started };
  }
}

/** A plugin's part runs as that plugin's; the daemon's own parts as nobody's. */
function inScope<T>(registration: RegisteredPlugin, body: () => T): T {
  const { id, package: owner } = registration;
  if (owner.name === ownPackage.name) return body();
  return pluginScope.run({ plugin: { id, package: owner.name, version: owner.version }, point: 'init' }, body);
}

interface ContextParts extends InitOptions {
  readonly signal: AbortSignal;
  readonly lookup: PluginLookup;
  readonly config: Record<string, unknown>;
  readonly waits: Promise<void>[];
  readonly readiness: { asked: boolean };
}

function createContext(registration: RegisteredPlugin, parts: ContextParts): InitContext {
  const meta: RegistrationMeta = { platforms: [], exports: {}, capabilities: [], ...structuredClone(registration.meta) };
  const folder = uriOf(registration).replaceAll('/', '%2F');
  const own = (base: string): string => {
    const dir = join(base, folder);
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    return dir;
  };
  return {
    ...parts.lookup,
    signal: parts.signal,
    log: parts.log,
    get root() {
      return own(parts.root);
    },
    get state() {
      return own(parts.state);
    },
    base: { root: parts.root, state: parts.state },
    config: parts.config,
    addresses: parts.addresses ?? {},
    events: parts.events ?? { publish() {} },
    meta,
    package: registration.package,
    ready() {
      parts.readiness.asked = true;
      const { promise, resolve } = Promise.withResolvers<void>();
      parts.waits.push(promise);
      return resolve;
    },
  };
}
