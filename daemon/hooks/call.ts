import { AsyncLocalStorage } from 'node:async_hooks';
import type { HookContext, PluginLog } from '../../hookplugins/context.ts';
import type { FailurePolicy } from '../../hookplugins/points.ts';
import { pluginScope, type ScopeOwner } from '../../hookplugins/scope.ts';
import type { PluginRef, PointName } from './contract.ts';
import { HookError, textOf } from './failure.ts';
import type { PointStats } from './stats.ts';
import { TimeLimits } from './time-limits.ts';

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

/** Calls the plugin and returns what it returned, or a true promise for whatever is like one, which is still to be `limited`; throws what it threw. */
export function invoke(sub: Subscription, args: readonly unknown[], context: CallContext): unknown {
  const result = sub.call([...args, context]);
  return isThenable(result) ? Promise.resolve(result) : result;
}

/** True for promises and whatever looks like one. */
function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    value instanceof Promise ||
    (value !== null && typeof value === 'object' && 'then' in value && typeof value.then === 'function')
  );
}

const limits = new TimeLimits();

/** What is done with a plugin's promise: what these return or throw is the outcome. */
export interface Settled<T> {
  value(value: unknown): T;
  error(error: unknown): T;
}

/** The outcome of a plugin's promise, or of its being late; what comes after that is counted as a leak and told. One promise, for each costs a turn. */
export function limited<T>(
  sub: Subscription,
  pending: Promise<unknown>,
  parts: { context: CallContext; started: number; settled: Settled<T> },
): Promise<T> {
  const { context, started, settled } = parts;
  return new Promise((resolve, reject) => {
    let expired = false;
    const end = (how: Settled<T>['value'], value: unknown): void => {
      try {
        resolve(how(value));
      } catch (error) {
        reject(error);
      }
    };
    const limit = {
      dueMs: started + sub.timeoutMs,
      expire() {
        const message = `no answer within ${sub.timeoutMs} ms`;
        const error = new HookError(sub.plugin, sub.point, { kind: 'deadlineExceeded', message });
        expired = true;
        context.expire(error);
        end(settled.error, error);
      },
    };
    limits.add(limit);
    pending.then(
      (value) => {
        limits.delete(limit);
        if (!expired) end(settled.value, value);
      },
      (error: unknown) => {
        limits.delete(limit);
        if (!expired) return end(settled.error, error);
        sub.stats.leaks += 1;
        sub.log.warn('plugin failed after its time limit', { point: sub.point, error: textOf(error) });
      },
    );
  });
}
