/*
 * The caller of hook points. `createHooks` orders the plugins, settles their configuration and makes one table: point -> subscriptions, which `reload` replaces as a
 * whole. A call walks its row: `call.ts` invokes one plugin within its time limit, here its outcome is counted, traced and judged by its policy.
 */
import type { PluginLog } from '../../hookplugins/context.ts';
import { methodOfPoint, type PointData, type PointName, points, type ResultCheck } from '../../hookplugins/points.ts';
import { conflict, messageOf } from '../errors/error.ts';
import { invoke, pluginScope, type Subscription, scoped } from './call.ts';
import { ChangeWatch } from './conflicts.ts';
import type {
  ArgsOf,
  ChainPoint,
  Collected,
  CollectPoint,
  EachPoint,
  HookCaller,
  HookPluginState,
  Hooks,
  HooksConfig,
  ResultOf,
} from './contract.ts';
import { HookError, labelOf, nonsense, thrownBy } from './failure.ts';
import { type PluginSettings, settle } from './policies.ts';
import { PointStats } from './stats.ts';
import { type HookPlugin, orderByKind } from './subscribers.ts';
import { Tracer } from './trace.ts';

type Table = ReadonlyMap<PointName, readonly Subscription[]>;
/** What plugins do about each other's changes: nothing looks, they are told, or they are refused. */
type ConflictMode = 'ignore' | 'tell' | 'error';

const done = Promise.resolve();
const none: readonly never[] = Object.freeze([]);

/** What a caller is made of. */
export interface HooksInput {
  readonly plugins: readonly HookPlugin[];
  readonly config?: HooksConfig;
  readonly log: PluginLog & { withTag?(tag: string): PluginLog };
}

/** Builds the hooks room. Throws invalidArgument for an order that cannot be and for config sections that do not fit. */
export async function createHooks(input: HooksInput): Promise<Hooks> {
  const core = new Core(input);
  await core.reload(input.config ?? {});
  return new Caller(core, undefined);
}

class Core {
  readonly log: HooksInput['log'];
  readonly tracer = new Tracer();
  readonly ordered: readonly HookPlugin[];
  table: Table = new Map();
  conflicts: ConflictMode = 'ignore';
  readonly #plugins: readonly HookPlugin[];
  readonly #stats = new Map<string, PointStats>();
  readonly #failed = new Map<string, string>(); // package -> why it was left out
  #settings = new Map<HookPlugin, PluginSettings>();

  constructor(input: HooksInput) {
    this.log = input.log;
    this.#plugins = input.plugins;
    this.ordered = [...orderByKind(input.plugins).values()].flat();
  }

  async reload(config: HooksConfig): Promise<void> {
    this.#settings = await settle(this.#plugins, config, this.log);
    this.conflicts = config.hooks?.conflicts === 'error' ? 'error' : config.debug ? 'tell' : 'ignore';
    this.#build();
  }

  /** Takes all plugins of a package out of the table. */
  leaveOut(owner: string, reason: string): void {
    this.#failed.set(owner, reason);
    this.#build();
  }

  states(): HookPluginState[] {
    return this.#plugins.map((plugin) => {
      const error = this.#failed.get(plugin.ref.package) ?? this.#settings.get(plugin)?.error;
      const enabled = this.#settings.get(plugin)?.enabled === true && error === undefined;
      return {
        ...plugin.ref,
        kind: plugin.kind,
        points: plugin.points,
        enabled,
        optional: plugin.optional,
        ...(error === undefined ? {} : { error }),
      };
    });
  }

  statsOf(plugin: HookPlugin, point: PointName): PointStats {
    const key = `${plugin.uri} ${point}`;
    const stats = this.#stats.get(key) ?? new PointStats();
    this.#stats.set(key, stats);
    return stats;
  }

  #build(): void {
    const table = new Map<PointName, Subscription[]>();
    for (const plugin of this.ordered) {
      const settings = this.#settings.get(plugin);
      if (!settings?.enabled || this.#failed.has(plugin.ref.package)) continue;
      const log = this.log.withTag?.(plugin.ref.id) ?? this.log;
      for (const point of plugin.points)
        table.set(point, [...(table.get(point) ?? []), this.#subscribe(plugin, point, { settings, log })]);
    }
    this.table = table;
  }

  #subscribe(plugin: HookPlugin, point: PointName, parts: { settings: PluginSettings; log: PluginLog }): Subscription {
    const { settings, log } = parts;
    const row: PointData = points[point];
    const method = plugin.object[methodOfPoint(point)] as (...args: unknown[]) => unknown; // `points` lists functions only
    const owner = { plugin: plugin.ref, point, stats: this.statsOf(plugin, point) };
    return {
      ...owner,
      policy: settings.onError ?? row.policy,
      timeoutMs: settings.timeoutMs ?? row.timeoutMs,
      config: settings.config,
      log,
      optional: plugin.optional,
      call: scoped(owner, plugin.object, method),
    };
  }
}

class Caller implements Hooks {
  readonly #core: Core;
  readonly #signal: AbortSignal | undefined;

  constructor(core: Core, signal: AbortSignal | undefined) {
    this.#core = core;
    this.#signal = signal;
  }

  has(point: PointName): boolean {
    return this.#core.table.has(point);
  }

  run<P extends EachPoint>(point: P, ...args: ArgsOf<P>): Promise<void> {
    const subs = this.#core.table.get(point);
    return subs === undefined ? done : this.#runEach(subs, args);
  }

  async collect<P extends CollectPoint>(point: P, ...args: ArgsOf<P>): Promise<Collected<ResultOf<P>>[]> {
    const check: ResultCheck | undefined = points[point].result;
    const results: Collected<ResultOf<P>>[] = [];
    for (const sub of this.#core.table.get(point) ?? none) {
      const outcome = await this.#one(sub, args, check);
      if (outcome.ok && outcome.value !== undefined) results.push({ plugin: sub.plugin, value: outcome.value as ResultOf<P> }); // by `check`
    }
    return results;
  }

  async chain<P extends ChainPoint>(point: P, ...args: ArgsOf<P>): Promise<ResultOf<P>> {
    const check: ResultCheck | undefined = points[point].result;
    let [value, ...rest]: readonly unknown[] = args;
    for (const sub of this.#core.table.get(point) ?? none) {
      const outcome = await this.#one(sub, [value, ...rest], check);
      if (outcome.ok && outcome.value !== undefined) value = outcome.value;
    }
    return value as ResultOf<P>; // the first argument, or what passed `check`
  }

  withSignal(signal: AbortSignal): HookCaller {
    return new Caller(this.#core, signal);
  }

  stats() {
    return this.#core.ordered.flatMap((plugin) =>
      plugin.points.map((point) => {
        const stats = this.#core.statsOf(plugin, point);
        const { calls, failures, timeouts, leaks, totalMs } = stats;
        const [p50Ms, p99Ms] = [stats.quantileMs(0.5), stats.quantileMs(0.99)];
        return { ...plugin.ref, point, calls, failures, timeouts, leaks, p50Ms, p99Ms, totalMs, buckets: stats.buckets() };
      }),
    );
  }

  plugins() {
    return this.#core.states();
  }

  order(point: PointName) {
    return (this.#core.table.get(point) ?? none).map((sub) => sub.plugin);
  }

  trace(signal?: AbortSignal) {
    return this.#core.tracer.read(signal);
  }

  reload(config: HooksConfig) {
    return this.#core.reload(config);
  }

  leaked(error: unknown) {
    const sub = pluginScope.getStore();
    if (!sub) return undefined;
    sub.stats.leaks += 1;
    this.#core.log.error('plugin leaked an error', { plugin: labelOf(sub.plugin), point: sub.point, error });
    return sub.plugin;
  }

  async #runEach(subs: readonly Subscription[], args: readonly unknown[]): Promise<void> {
    const { conflicts } = this.#core;
    const row: PointData = points[subs[0]!.point];
    const watch =
      conflicts !== 'ignore' && row.changes !== undefined && subs.length > 1 ? new ChangeWatch(args[row.changes]) : undefined;
    for (const sub of subs) {
      const step = this.#step(sub, args, undefined);
      if (step instanceof Promise) await step;
      if (watch) this.#judge(watch, sub);
    }
  }

  #judge(watch: ChangeWatch, sub: Subscription): void {
    for (const { field, first, second } of watch.after(sub.plugin)) {
      const text = `plugins ${labelOf(first)} and ${labelOf(second)} both change ${field} at ${sub.point}`;
      if (this.#core.conflicts === 'error') throw conflict(text);
      this.#core.log.debug('plugins change the same field', {
        point: sub.point,
        field,
        first: labelOf(first),
        second: labelOf(second),
      });
    }
  }

  async #one(sub: Subscription, args: readonly unknown[], check: ResultCheck | undefined): Promise<Outcome> {
    return this.#step(sub, args, check);
  }

  /** One call, counted and judged. Synchronous when the plugin is: ten of them cost no turn of the event loop. */
  #step(sub: Subscription, args: readonly unknown[], check: ResultCheck | undefined): Outcome | Promise<Outcome> {
    const started = performance.now();
    let result: unknown;
    try {
      result = invoke(sub, args, this.#signal);
    } catch (error) {
      return this.#failed(sub, started, error);
    }
    return result instanceof Promise ? this.#later(sub, started, result, check) : this.#ended(sub, started, result, check);
  }

  async #later(sub: Subscription, started: number, pending: Promise<unknown>, check: ResultCheck | undefined): Promise<Outcome> {
    let value: unknown;
    try {
      value = await pending;
    } catch (error) {
      return this.#failed(sub, started, error);
    }
    return this.#ended(sub, started, value, check);
  }

  #ended(sub: Subscription, started: number, value: unknown, check: ResultCheck | undefined): Outcome {
    if (check && value !== undefined && !fits(check, value)) {
      return this.#failed(sub, started, nonsense(sub.plugin, sub.point, { value, expected: check.what }));
    }
    this.#count(sub, started);
    return { ok: true, value };
  }

  #count(sub: Subscription, started: number, error?: HookError): void {
    const durationMs = performance.now() - started;
    sub.stats.add(durationMs);
    if (!this.#core.tracer.active) return;
    const outcome = error ? (error.kind === 'deadlineExceeded' ? 'timeout' : 'error') : 'ok';
    const detail = error ? { error: error.message } : {};
    this.#core.tracer.publish({ ...sub.plugin, point: sub.point, time: Date.now(), durationMs, outcome, ...detail });
  }

  #failed(sub: Subscription, started: number, thrown: unknown): Outcome {
    const error = thrown instanceof HookError && thrown.plugin === sub.plugin ? thrown : thrownBy(sub.plugin, sub.point, thrown);
    sub.stats.failures += 1;
    if (error.kind === 'deadlineExceeded') sub.stats.timeouts += 1;
    this.#count(sub, started, error);
    if (sub.optional && sub.point === 'daemon.preStartHook') {
      this.#core.log.warn('optional plugin left out', {
        plugin: sub.plugin.id,
        package: sub.plugin.package,
        reason: error.message,
      });
      this.#core.leaveOut(sub.plugin.package, error.message);
      return { ok: false };
    }
    if (sub.policy === 'abort') throw error;
    this.#core.log.error('plugin failed', { plugin: labelOf(sub.plugin), point: sub.point, error: messageOf(error) });
    return { ok: false };
  }
}

type Outcome = { readonly ok: true; readonly value: unknown } | { readonly ok: false };

/** A caller without plugins, for rooms that are built without the graph. */
export const noHooks: Hooks = new Caller(
  new Core({ plugins: [], log: { debug() {}, info() {}, warn() {}, error() {} } }),
  undefined,
);

function fits(check: ResultCheck, value: unknown): boolean {
  try {
    return check.is(value);
  } catch {
    return false; // a getter or proxy of the plugin threw
  }
}
