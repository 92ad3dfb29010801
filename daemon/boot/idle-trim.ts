import type { Logger } from '../lib/log.ts';

/** How often the daemon looks whether it is idle. */
const lookMs = 2_000;
/** Less CPU time than this between two looks is idle. */
const idleCpuMs = 60;
/** A collection pays after this much work; the first one is for what the start left. */
const workMs = 500;

/**
 * Gives memory back when the daemon has come to rest after work: V8 collects when it needs room, so after a load an idle daemon would keep megabytes of garbage for ever.
 * One full collection costs about as much as two containers, blocks that long, and comes at most once for each half second of CPU time. Without `--expose-gc`, which the
 * executable has, nothing is done. Ends with the returned function.
 */
export function trimWhenIdle(log: Logger): () => void {
  const { gc } = globalThis;
  if (gc === undefined) return () => undefined;
  let seen = cpuMs();
  let trimmedAt = seen - workMs;
  const timer = setInterval(() => {
    const now = cpuMs();
    const isIdle = now - seen < idleCpuMs;
    seen = now;
    if (!isIdle || now - trimmedAt < workMs) return;
    const started = performance.now();
    gc({ type: 'major', execution: 'sync', flavor: 'last-resort' });
    trimmedAt = cpuMs();
    seen = trimmedAt;
    log.debug('memory given back', { ms: Math.round(performance.now() - started), rss: process.memoryUsage.rss() });
  }, lookMs);
  timer.unref();
  return () => clearInterval(timer);
}

/** CPU time of the process so far, all threads. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
