import { AsyncLocalStorage } from 'node:async_hooks';
import type { HookContext, PluginLog } from '../../hookplugins/context.ts';
import type { FailurePolicy } from '../../hookplugins/points.ts';
import { pluginScope, type ScopeOwner } from '../../hookplugins/scope.ts';
import type { PluginRef, PointName } from './contract.ts';
import { HookError, textOf } from './failure.ts';
import type { PointStats } from './stats.ts';

/** One plugin's method at one point with all that decides how it is called. */
export interface Subscription {
  readonly plugin: PluginRef;
  readonly point: PointName;
  readonly policy: FailurePolicy;
  readonly timeoutMs: number;
  readonly config: Readonly<Record<string, unknown>>;
  readonly log: PluginLog;
  readonly stats: PointStats;
  readonly optional: boolean;
  /** Enters the plugin's scope and calls its method. */
  call(args: unknown[]): unknown;
}

/** Binds a method to its object and its scope, once: entering a kept scope costs a third of making one for each call. */
export function scoped(owner: ScopeOwner, object: object, method: (...args: unknown[]) => unknown): Subscription['call'] {
  const enter = pluginScope.run(owner, () => AsyncLocalStorage.snapshot());
  const apply = (args: unknown[]) => method.apply(object, args);
  return (args) => enter(apply, args);
}

/** The context of one call. Its signal is made when it is first read: most plugins never do. */
export class CallContext implements HookContext {
  readonly #sub: Subscription;
  readonly #outer: AbortSignal | undefined;
  #own: AbortController | undefined;
  #signal: AbortSignal | undefined;
  #reason: unknown;

  constructor(sub: Subscription, outer: AbortSignal | undefined) {
    this.#sub = sub;
    this.#outer = outer;
  }

  get signal(): AbortSignal {
    if (!this.#signal) {
      this.#own = new AbortController();
      this.#signal = this.#outer ? AbortSignal.any([this.#outer, this.#own.signal]) : this.#own.signal;
      if (this.#reason) this.#own.abort(this.#reason);
    }
    return this.#signal;
  }

  get log(): PluginLog {
    return this.#sub.log;
  }

  get plugin(): PluginRef {
    return this.#sub.plugin;
  }

  get config(): Record<string, unknown> {
    return this.#sub.config;
  }

  /** Aborts the signal: the time is up. */
  expire(reason: unknown): void {
    this.#reason = reason;
    this.#own?.abort(reason);
  }
}

/** Calls the plugin. Returns what it returned, or a promise that settles within the time limit; throws what it threw. */
export function invoke(sub: Subscription, args: readonly unknown[], outer: AbortSignal | undefined): unknown {
  const context = new CallContext(sub, outer);
  const result = sub.call([...args, context]);
  return isThenable(result) ? limited(sub, Promise.resolve(result), context) : result;
}

/** True for promises and whatever looks like one. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    value instanceof Promise ||
    (value !== null && typeof value === 'object' && 'then' in value && typeof value.then === 'function')
  );
}

/** Settles as `pending` does, or rejects when the time is up; what comes after that is counted as a leak and told. */
function limited(sub: Subscription, pending: Promise<unknown>, context: CallContext): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  let expired = false;
  const timer = setTimeout(() => {
    const error = new HookError(sub.plugin, sub.point, {
      kind: 'deadlineExceeded',
      message: `no answer within ${sub.timeoutMs} ms`,
    });
    expired = true;
    context.expire(error);
    reject(error);
  }, sub.timeoutMs);
  pending.then(
    (value) => {
      clearTimeout(timer);
      resolve(value);
    },
    (error: unknown) => {
      clearTimeout(timer);
      if (!expired) return reject(error);
      sub.stats.leaks += 1;
      sub.log.warn('plugin failed after its time limit', { point: sub.point, error: textOf(error) });
    },
  );
  return promise;
}
