/** One call that must end in time. */
export interface TimeLimit {
  /** Of the monotonic clock. */
  readonly dueMs: number;
  expire(): void;
}

/** The timer looks at least this often, and goes when it finds nothing: so long may it keep a process alive that has nothing else to do. */
const lookMs = 500;

/**
 * The time limits of all calls under way, on one timer: a call that ends in time, as nearly all do, costs an entry in a set and no timer of its own. The timer runs while
 * there are calls, and is set anew only for a limit that comes before its next look.
 */
export class TimeLimits {
  readonly #open = new Set<TimeLimit>();
  #timer: NodeJS.Timeout | undefined;
  #looksAtMs = Number.POSITIVE_INFINITY;

  /** The call begins. */
  add(limit: TimeLimit): void {
    this.#open.add(limit);
    if (limit.dueMs < this.#looksAtMs) this.#set(limit.dueMs);
  }

  /** The call has ended. */
  delete(limit: TimeLimit): void {
    this.#open.delete(limit);
  }

  #set(dueMs: number): void {
    clearTimeout(this.#timer);
    const now = performance.now();
    const waitMs = Math.min(Math.max(1, Math.ceil(dueMs - now)), lookMs);
    this.#looksAtMs = now + waitMs;
    this.#timer = setTimeout(() => this.#look(), waitMs);
  }

  #look(): void {
    const now = performance.now();
    this.#timer = undefined;
    this.#looksAtMs = Number.POSITIVE_INFINITY;
    let next = Number.POSITIVE_INFINITY;
    for (const limit of this.#open) {
      if (limit.dueMs > now) next = Math.min(next, limit.dueMs);
      else {
        this.#open.delete(limit);
        limit.expire();
      }
    }
    if (next < this.#looksAtMs) this.#set(next); // a call that began in expire() may have set it already
  }
}
