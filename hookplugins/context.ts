import type { OrderHints } from './order.ts';

/** Fields of a log line. */
export type LogFields = Record<string, unknown>;

/** What a plugin logs through. Its lines carry the plugin's name. */
export interface PluginLog {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** The npm package that a registration came from; the daemon's own rooms are of package `pouchd`. */
export interface PackageRef {
  readonly name: string;
  readonly version: string;
}

/** A JSON schema (draft 7). */
export type JsonSchema = Record<string, unknown>;

/** A plugin package as the generated manifest tells it; all but name and version comes from the `pouchd` key of its package.json. */
export interface PluginPackage extends PackageRef {
  /** The daemon starts without it when it fails to load or to start. */
  readonly optional?: boolean;
  readonly title?: string;
  readonly configSchema?: JsonSchema;
  readonly order?: OrderHints;
}

/** Who is called: the plugin's id and the package that registered it. */
export interface PluginRef {
  readonly id: string;
  /** Name of the package. */
  readonly package: string;
  /** Version of the package. */
  readonly version: string;
}

/** The last argument of every hook method. */
export interface HookContext<Config = Record<string, unknown>> {
  /** Aborted when the call's time limit has passed or the request that caused it was cancelled. */
  readonly signal: AbortSignal;
  readonly log: PluginLog;
  readonly plugin: PluginRef;
  /** The plugin's own section of the daemon's configuration, checked against its schema; an empty object when there is none. */
  readonly config: Config;
}

/** Where registrations publish what happened. */
export interface EventPublisher {
  publish(topic: string, event: object): void;
}

/** What a registration tells about itself; it may be changed while it initialises and is shown even when that fails. */
export interface RegistrationMeta {
  platforms: { os: string; architecture: string; variant?: string }[];
  exports: Record<string, string>;
  capabilities: string[];
}

/** How one registration came out. */
export interface InitialisedPlugin {
  readonly uri: string;
  readonly type: string;
  readonly id: string;
  readonly requires: readonly string[];
  readonly package: PluginPackage;
  readonly meta: RegistrationMeta;
  /** `ok`, `skip` (see `skipPlugin`) or `error`, as `ctr plugins ls` spells them. */
  readonly status: 'ok' | 'skip' | 'error';
  readonly instance?: unknown;
  readonly error?: Error;
  /** How long its `initFn` took. */
  readonly initMs: number;
}

/** Look-ups over what is initialised already; of the type parameter nothing is checked. */
export interface PluginLookup {
  /** The first instance of a type that initialised well, or undefined: for what one can do without. */
  get<T>(type: string): T | undefined;
  /** Every registration so far with its state, in order. */
  getAll(): InitialisedPlugin[];
  /** The instance of that type and id. Throws notFound when there is none, or its own init error. */
  getById<T>(type: string, id: string): T;
  /** All instances of a type by id, without the skipped ones. Throws the first init error, or notFound when there is none. */
  getByType<T>(type: string): Map<string, T>;
  /** The one instance of a type, skipped ones aside. Throws notFound for none, conflict for several, or its own init error. */
  getSingle<T>(type: string): T;
}

/** What `initFn` gets. It sees only registrations that come before it in the graph: say in `requires` what you look up. */
export interface InitContext<Config = Record<string, unknown>> extends PluginLookup {
  /** Aborted when the daemon stops. */
  readonly signal: AbortSignal;
  readonly log: PluginLog;
  /** A directory of its own for what survives a reboot; made (0700) when it is first read. */
  readonly root: string;
  /** A directory of its own for what does not survive a reboot; made (0700) when it is first read. */
  readonly state: string;
  /** The daemon's root and state directories, shared by all: nothing is made here. */
  readonly base: { readonly root: string; readonly state: string };
  /** The section of this registration's URI, over its defaults, checked against its schema. */
  readonly config: Config;
  /** Addresses the daemon serves or uses, by name (`containerd`, `grpc`, `api`). */
  readonly addresses: Readonly<Record<string, string>>;
  readonly events: EventPublisher;
  readonly meta: RegistrationMeta;
  readonly package: PackageRef;
  /**
   * Says that the instance is usable only later, and returns the function to call then; the daemon is ready when every such function was
   * called. A registration that fails after it has asked for this stops the daemon.
   */
  ready(): () => void;
}
