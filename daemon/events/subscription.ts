import { PouchError } from '../errors/error.ts';
import type { EventMessage } from '../types/docker/event.ts';

/** A reader may be this many events behind before it is cut off. */
const maxBehind = 4096;

/** What a subscription is made of. */
export interface SubscriptionOptions {
  /** Events that already happened, oldest first, not yet filtered. */
  past: readonly EventMessage[];
  accepts?: (event: EventMessage) => boolean;
  untilMs?: number;
  signal?: AbortSignal;
  onEnd(subscription: Subscription): void;
}

/**
 * One reader of the bus: an iterable to be read once. It takes events from the moment it is made, not from the first read. Ends at `untilMs`, with the signal, or when the
 * loop over it is left; a reader too far behind gets `unavailable`.
 */
export class Subscription implements AsyncIterable<EventMessage>, AsyncIterator<EventMessage> {
  readonly #options: SubscriptionOptions;
  #queue: EventMessage[] = [];
  #waiting: PromiseWithResolvers<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #failure: Error | undefined;
  #ended = false;

  constructor(options: SubscriptionOptions) {
    this.#options = options;
    const untilNano = options.untilMs === undefined ? Number.POSITIVE_INFINITY : options.untilMs * 1e6;
    this.#queue = options.past.filter((event) => event.timeNano <= untilNano && (options.accepts?.(event) ?? true));
    if (options.signal?.aborted) this.end();
    else options.signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (options.untilMs !== undefined) this.#armUntil(options.untilMs);
  }

  get isEnded(): boolean {
    return this.#ended;
  }

  /** Called by the bus for each live event. */
  push(event: EventMessage): void {
    if (this.#ended || this.#options.accepts?.(event) === false) return;
    if (this.#queue.length >= maxBehind) {
      this.#queue = [];
      this.#failure = new PouchError('unavailable', `event reader is more than ${maxBehind} events behind`);
      this.end();
      return;
    }
    this.#queue.push(event);
    this.#waiting?.resolve();
  }

  /** No more events come; what is queued is still read. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#waiting?.resolve();
    this.#options.onEnd(this);
  }

  async next(): Promise<IteratorResult<EventMessage>> {
    for (;;) {
      const value = this.#queue.shift();
      if (value) return { done: false, value };
      if (this.#failure) throw this.#failure;
      if (this.#ended) return { done: true, value: undefined };
      this.#waiting = Promise.withResolvers();
      await this.#waiting.promise;
      this.#waiting = undefined;
    }
  }

  async return(): Promise<IteratorResult<EventMessage>> {
    this.#queue = [];
    this.end();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): AsyncIterator<EventMessage> {
    return this;
  }

  readonly #onAbort = (): void => {
    this.#queue = [];
    this.end();
  };

  #armUntil(untilMs: number): void {
    const left = untilMs - Date.now();
    if (left <= 0) {
      this.end();
      return;
    }
    this.#timer = setTimeout(() => this.#armUntil(untilMs), Math.min(left, 0x7fff_ffff)); // a longer timer would fire at once
  }
}
