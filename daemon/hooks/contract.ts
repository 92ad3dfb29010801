import type { PluginRef } from '../../hookplugins/context.ts';
import type { ArgsOf, PointName, PointOfMode, ResultOf } from '../../hookplugins/points.ts';

export type { PluginRef } from '../../hookplugins/context.ts';
export type { ArgsOf, PointName, PointOfMode, ResultOf } from '../../hookplugins/points.ts';

/** Points whose arguments may be changed in place and that return nothing. */
export type EachPoint = PointOfMode<'each'>;
/** Points whose results are gathered. */
export type CollectPoint = PointOfMode<'collect'>;
/** Points that thread their first argument through. */
export type ChainPoint = PointOfMode<'chain'>;

/** One plugin's result at a `collect` point. */
export interface Collected<Value> {
  readonly plugin: PluginRef;
  readonly value: Value;
}

/**
 * How the rooms call the plugins of a point: one after the other, in order, each within its time limit. A failure under policy `abort` rejects with a PouchError that names
 * plugin and point and has the kind the plugin threw (invalidArgument, forbidden, notFound, conflict; else internal or deadlineExceeded); under `log` it is logged and the next
 * plugin is called. Without plugins at the point nothing happens and nothing is allocated.
 */
export interface HookCaller {
  /** True when a plugin listens at the point: to skip building arguments that cost something. */
  has(point: PointName): boolean;
  /** Calls an `each` point. What plugins change in place is seen by the caller afterwards. */
  run<P extends EachPoint>(point: P, ...args: ArgsOf<P>): Promise<void>;
  /** Calls a `collect` point; results come in order, without those of plugins that failed under `log`. */
  collect<P extends CollectPoint>(point: P, ...args: ArgsOf<P>): Promise<Collected<ResultOf<P>>[]>;
  /** Calls a `chain` point; resolves to the first argument as the last plugin left it. */
  chain<P extends ChainPoint>(point: P, ...args: ArgsOf<P>): Promise<ResultOf<P>>;
  /** The same caller whose plugins see `signal` aborted too (`ctx.signal`). The call still waits for them: create and start finish or undo. */
  withSignal(signal: AbortSignal): HookCaller;
}

/** Figures of one plugin at one point since the daemon started. */
export interface HookStats extends PluginRef {
  readonly point: PointName;
  readonly calls: number;
  readonly failures: number;
  /** Also counted in `failures`. */
  readonly timeouts: number;
  /** Rejections and throws that came after the plugin had answered or run out of time. */
  readonly leaks: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly totalMs: number;
  /** Cumulative counts by upper bound in milliseconds, as Prometheus has them; the last bound is Infinity. */
  readonly buckets: readonly { readonly leMs: number; readonly count: number }[];
}

/** One call as `pouchd plugins trace` shows it. */
export interface HookCall extends PluginRef {
  readonly point: PointName;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly durationMs: number;
  readonly outcome: 'ok' | 'error' | 'timeout';
  readonly error?: string;
  /** Calls that a slow reader lost just before this one. */
  readonly dropped?: number;
}

/** A hook plugin as the caller knows it. */
export interface HookPluginState extends PluginRef {
  readonly kind: string;
  /** Points it listens at. */
  readonly points: readonly PointName[];
  readonly enabled: boolean;
  readonly optional: boolean;
  /** Why it is not called, when an optional plugin failed to start or its config does not fit. */
  readonly error?: string;
}

/** The part of the daemon's configuration that hooks read; DaemonConfig fits. */
export interface HooksConfig {
  /**
   * Section of each plugin by id, package name or URI. `enabled`, `timeoutMs` and `onError` are for the caller; the rest is the plugin's own (`ctx.config`).
   */
  readonly plugins?: Readonly<Record<string, unknown>>;
  /** `error` refuses a request in which two plugins change the same field. */
  readonly hooks?: { readonly conflicts?: 'ignore' | 'error' };
  /** Tells such conflicts at debug when true. */
  readonly debug?: boolean;
}

/** The hooks room: the caller, and what is seen of it. */
export interface Hooks extends HookCaller {
  stats(): HookStats[];
  /** Every plugin, in the order of registration. */
  plugins(): HookPluginState[];
  /** The plugins of a point in the order in which they are called. */
  order(point: PointName): PluginRef[];
  /** Calls as they end, until `signal` is aborted or the reader leaves. A slow reader loses the oldest. */
  trace(signal?: AbortSignal): AsyncIterable<HookCall>;
  /** Takes over a new configuration. Throws invalidArgument and keeps the old one when a section does not fit its schema. Calls under way end as they began. */
  reload(config: HooksConfig): Promise<void>;
  /** Counts a throw or rejection that reached the process and tells whose it was; undefined when no plugin call caused it. See `guardProcess`. */
  leaked(error: unknown): PluginRef | undefined;
}
