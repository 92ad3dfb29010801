/*
 * The caller of hook points. A call walks its row of the table (table.ts): call.ts invokes one plugin within its time limit; here its outcome is counted, traced and judged by its
 * policy. A synchronous plugin costs no turn of the event loop, a point without plugins no allocation.
 */
import { type PointData, type PointName, points, type ResultCheck } from '../../hookplugins/points.ts';
import { pluginScope } from '../../hookplugins/scope.ts';
import type { HandlerSpec } from '../../hookplugins/shapes.ts';
import { conflict, messageOf } from '../errors/error.ts';
import { CallContext, invoke, limited, type Subscription } from './call.ts';
import { ChangeWatch } from './conflicts.ts';
import type {
  ArgsOf,
  ChainPoint,
  Collected,
  CollectPoint,
  EachPoint,
  HookCaller,
  Hooks,
  HooksConfig,
  ResultOf,
} from './contract.ts';
import { HookError, labelOf, nonsense, thrownBy } from './failure.ts';
import { ScopedRoutes } from './scoped-routes.ts';
import { type HooksInput, HookTable } from './table.ts';

const done = Promise.resolve();
const none: readonly never[] = Object.freeze([]);

/** Builds the hooks room. Throws invalidArgument for an order that cannot be and for config sections that do not fit. */
export async function createHooks(input: HooksInput): Promise<Hooks> {
  const table = new HookTable(input);
  await table.reload(input.config ?? {});
  return new Caller(table, undefined);
}

class Caller implements Hooks {
  readonly #hooks: HookTable;
  readonly #signal: AbortSignal | undefined;

  constructor(hooks: HookTable, signal: AbortSignal | undefined) {
    this.#hooks = hooks;
    this.#signal = signal;
  }

  has(point: PointName): boolean {
    return this.#hooks.table.has(point);
  }

  run<P extends EachPoint>(point: P, ...args: ArgsOf<P>): Promise<void> {
    const subs = this.#hooks.table.get(point);
    return subs === undefined ? done : this.#runEach(subs, args);
  }

  async collect<P extends CollectPoint>(point: P, ...args: ArgsOf<P>): Promise<Collected<ResultOf<P>>[]> {
    const check: ResultCheck | undefined = points[point].result;
    const results: Collected<ResultOf<P>>[] = [];
    for (const sub of this.#hooks.table.get(point) ?? none) {
      const outcome = await this.#one(sub, args, check);
      if (outcome.ok && outcome.value !== undefined) results.push({ plugin: sub.plugin, value: outcome.value as ResultOf<P> }); // by `check`
    }
    return results;
  }

  async chain<P extends ChainPoint>(point: P, ...args: ArgsOf<P>): Promise<ResultOf<P>> {
    const subs = this.#hooks.table.get(point);
    const check: ResultCheck | undefined = points[point].result;
    let [value, ...rest]: readonly unknown[] = args;
    if (!subs) return value as ResultOf<P>; // the first argument
    const routes = point === 'api.updateHandler' ? new ScopedRoutes(value as HandlerSpec[]) : undefined; // by its type
    if (routes) value = routes.given;
    for (const sub of subs) {
      const outcome = await this.#one(sub, [value, ...rest], check);
      if (outcome.ok && outcome.value !== undefined)
        value = routes ? routes.after(sub, outcome.value as HandlerSpec[]) : outcome.value; // checked
    }
    return (routes ? routes.result(value as HandlerSpec[]) : value) as ResultOf<P>; // what passed `check`
  }

  withSignal(signal: AbortSignal): HookCaller {
    return new Caller(this.#hooks, signal);
  }

  stats() {
    return this.#hooks.ordered.flatMap((plugin) =>
      plugin.points.map((point) => {
        const stats = this.#hooks.statsOf(plugin, point);
        const { calls, failures, timeouts, leaks, totalMs } = stats;
        const [p50Ms, p99Ms] = [stats.quantileMs(0.5), stats.quantileMs(0.99)];
        return { ...plugin.ref, point, calls, failures, timeouts, leaks, p50Ms, p99Ms, totalMs, buckets: stats.buckets() };
      }),
    );
  }

  plugins() {
    return this.#hooks.states();
  }

  order(point: PointName) {
    return (this.#hooks.table.get(point) ?? none).map((sub) => sub.plugin);
  }

  trace(signal?: AbortSignal) {
    return this.#hooks.tracer.read(signal);
  }

  reload(config: HooksConfig) {
    return this.#hooks.reload(config);
  }

  leaked(error: unknown) {
    const owner = pluginScope.getStore();
    if (!owner) return undefined;
    if (owner.stats) owner.stats.leaks += 1;
    this.#hooks.log.error('plugin leaked an error', { plugin: labelOf(owner.plugin), point: owner.point, error });
    return owner.plugin;
  }

  async #runEach(subs: readonly Subscription[], args: readonly unknown[]): Promise<void> {
    const { conflicts } = this.#hooks;
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
      if (this.#hooks.conflicts === 'error') throw conflict(text);
      this.#hooks.log.debug('plugins change the same field', {
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
    const context = new CallContext(sub, this.#signal);
    let result: unknown;
    try {
      result = invoke(sub, args, context);
    } catch (error) {
      return this.#failed(sub, started, error);
    }
    if (!(result instanceof Promise)) return this.#ended(sub, started, result, check);
    const settled = {
      value: (value: unknown) => this.#ended(sub, started, value, check),
      error: (error: unknown) => this.#failed(sub, started, error),
    };
    return limited(sub, result, { context, started, settled });
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
    if (!this.#hooks.tracer.active) return;
    const outcome = error ? (error.kind === 'deadlineExceeded' ? 'timeout' : 'error') : 'ok';
    const detail = error ? { error: error.message } : {};
    this.#hooks.tracer.publish({ ...sub.plugin, point: sub.point, time: Date.now(), durationMs, outcome, ...detail });
  }

  #failed(sub: Subscription, started: number, thrown: unknown): Outcome {
    const error = thrown instanceof HookError && thrown.plugin === sub.plugin ? thrown : thrownBy(sub.plugin, sub.point, thrown);
    sub.stats.failures += 1;
    if (error.kind === 'deadlineExceeded') sub.stats.timeouts += 1;
    this.#count(sub, started, error);
    if (sub.optional && sub.point === 'daemon.preStartHook') {
      this.#hooks.log.warn('optional plugin left out', {
        plugin: sub.plugin.id,
        package: sub.plugin.package,
        reason: error.message,
      });
      this.#hooks.leaveOut(sub.plugin.package, error.message);
      return { ok: false };
    }
    if (sub.policy === 'abort') throw error;
    this.#hooks.log.error('plugin failed', { plugin: labelOf(sub.plugin), point: sub.point, error: messageOf(error) });
    return { ok: false };
  }
}

type Outcome = { readonly ok: true; readonly value: unknown } | { readonly ok: false };

/** A caller without plugins, for rooms that are built without the graph. */
export const noHooks: Hooks = new Caller(
  new HookTable({ plugins: [], log: { debug() {}, info() {}, warn() {}, error() {} } }),
  undefined,
);

function fits(check: ResultCheck, value: unknown): boolean {
  try {
    return check.is(value);
  } catch {
    return false; // a getter or proxy of the plugin threw
  }
}
