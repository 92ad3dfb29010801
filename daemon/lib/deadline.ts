import { setTimeout as sleep } from 'node:timers/promises';
import { PouchError } from '../errors/error.ts';

/** `promise`, or a `deadlineExceeded` error after `ms` (`WHAT did not finish within MS ms`). The promise itself goes on: give it a signal too where it can be stopped. */
export async function withDeadline<T>(promise: Promise<T>, ms: number, what: string): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new PouchError('deadlineExceeded', `${what} did not finish within ${ms} ms`)), ms);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A signal that aborts with any of `signals`, or with `deadlineExceeded` after `ms`. Undefined signals are left out. */
export function deadlineSignal(ms: number, ...signals: (AbortSignal | undefined)[]): AbortSignal {
  return AbortSignal.any([AbortSignal.timeout(ms), ...signals.filter((one) => one !== undefined)]);
}

/**
 * Calls `probe` until it gives a value other than undefined or false, waiting `intervalMs` (10, doubled up to 200) between calls. Throws `deadlineExceeded` naming `what`
 * after `timeoutMs`, or the signal's reason.
 */
export async function poll<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  options: { timeoutMs: number; intervalMs?: number; signal?: AbortSignal },
): Promise<T> {
  const end = performance.now() + options.timeoutMs;
  let wait = options.intervalMs ?? 10;
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    if (performance.now() >= end) throw new PouchError('deadlineExceeded', `${what}: not within ${options.timeoutMs} ms`);
    await sleep(Math.min(wait, Math.max(1, end - performance.now())), undefined, { signal: options.signal });
    wait = Math.min(wait * 2, 200);
  }
}
