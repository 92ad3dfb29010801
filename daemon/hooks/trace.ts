import type { HookCall } from './contract.ts';

/** Calls kept for a reader that is behind. */
const backlog = 1_000;

/** Readers of finished calls. While nobody reads, `active` is false and callers build no records. */
export class Tracer {
  readonly #readers = new Set<(call: HookCall) => void>();

  get active(): boolean {
    return this.#readers.size > 0;
  }

  publish(call: HookCall): void {
    for (const reader of this.#readers) reader(call);
  }

  /** Calls from now on (the reader is registered at once, not at the first `next`), until the signal or the reader ends it. */
  read(signal?: AbortSignal): AsyncIterable<HookCall> {
    const queue: HookCall[] = [];
    let dropped = 0;
    let wake = Promise.withResolvers<void>();
    const reader = (call: HookCall): void => {
      if (queue.length >= backlog) {
        queue.shift();
        dropped += 1;
      }
      queue.push(call);
      wake.resolve();
    };
    const onAbort = () => wake.resolve();
    const leave = () => {
      this.#readers.delete(reader);
      signal?.removeEventListener('abort', onAbort);
    };
    if (!signal?.aborted) {
      this.#readers.add(reader);
      signal?.addEventListener('abort', onAbort, { once: true });
    }
    async function* follow(): AsyncGenerator<HookCall> {
      try {
        while (!signal?.aborted) {
          const call = queue.shift();
          if (call) {
            const lost = dropped;
            dropped = 0;
            yield lost > 0 ? { ...call, dropped: lost } : call;
          } else {
            await wake.promise;
            wake = Promise.withResolvers<void>();
          }
        }
      } finally {
        leave();
      }
    }
    const calls = follow();
    return {
      [Symbol.asyncIterator]: () => ({
        next: () => calls.next(),
        return: async () => {
          leave(); // a generator that never ran would skip its finally
          return calls.return(undefined);
        },
      }),
    };
  }
}
