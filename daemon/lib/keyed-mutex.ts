/** Lets work under one key run one after the other, in the order it asked; different keys do not wait for each other. Not re-entrant. */
export class KeyedMutex<Key = string> {
  readonly #tails = new Map<Key, Promise<void>>();

  /** Runs `work` alone for `key`. A waiter whose `signal` aborts leaves the queue and throws the signal's reason; running work is not interrupted. */
  async run<T>(key: Key, work: () => T | Promise<T>, signal?: AbortSignal): Promise<T> {
    using _lock = await this.acquire(key, signal);
    return await work();
  }

  /** Takes the lock; disposing the result gives it back (twice does no harm). */
  async acquire(key: Key, signal?: AbortSignal): Promise<Disposable> {
    signal?.throwIfAborted();
    const before = this.#tails.get(key);
    const { promise, resolve } = Promise.withResolvers<void>();
    const tail = before ? before.then(() => promise) : promise;
    this.#tails.set(key, tail);
    const release = (): void => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
      resolve();
    };
    if (before) {
      try {
        await untilAborted(before, signal);
      } catch (error) {
        void before.then(release); // keeps its place until its turn, so the order of the others stays
        throw error;
      }
    }
    return { [Symbol.dispose]: release };
  }

  /** True while someone holds or waits for `key`. */
  isLocked(key: Key): boolean {
    return this.#tails.has(key);
  }
}

function untilAborted(promise: Promise<void>, signal?: AbortSignal): Promise<void> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    void promise.then(() => {
      signal.removeEventListener('abort', abort);
      resolve();
    });
  });
}
