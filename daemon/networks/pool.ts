import type { Logger } from '../lib/log.ts';

/** What a pool keeps and how. */
export interface PoolOptions<T> {
  /** How many stand ready at first; grows up to `maxSize` when it ran empty. */
  size: number;
  maxSize: number;
  make(): Promise<T>;
  discard(items: T[]): Promise<void>;
  log: Logger;
}

/** Things made ahead of need, refilled in the background one by one. */
export class Pool<T> {
  readonly #options: PoolOptions<T>;
  readonly #items: T[] = [];
  #target: number;
  #filling: Promise<void> | undefined;
  #isOpen = false;

  constructor(options: PoolOptions<T>) {
    this.#options = options;
    this.#target = options.size;
  }

  /** Starts the filling; before this nothing is made. */
  open(): void {
    this.#isOpen = true;
    this.#refill();
  }

  /** One ready item that satisfies `fits`, or undefined. */
  take(): T | undefined {
    const item = this.#items.shift();
    if (this.#isOpen && item === undefined && this.#target < this.#options.maxSize) {
      this.#target = Math.min(this.#target * 2, this.#options.maxSize);
    }
    this.#refill();
    return item;
  }

  /** Takes the items that `fits` out and gives them up: their addresses are wanted by name. */
  async evict(fits: (item: T) => boolean): Promise<void> {
    const out: T[] = [];
    for (let index = this.#items.length - 1; index >= 0; index--) {
      const item = this.#items[index];
      if (item !== undefined && fits(item)) out.push(...this.#items.splice(index, 1));
    }
    if (out.length > 0) await this.#options.discard(out);
    this.#refill();
  }

  get size(): number {
    return this.#items.length;
  }

  /** Resolves when the pool is as full as it wants to be. */
  async filled(): Promise<void> {
    while (this.#filling) await this.#filling;
  }

  #refill(): void {
    if (!this.#isOpen || this.#filling || this.#items.length >= this.#target) return;
    this.#filling = this.#fill().finally(() => {
      this.#filling = undefined;
    });
  }

  async #fill(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve)); // the caller's own work first
    while (this.#isOpen && this.#items.length < this.#target) {
      try {
        this.#items.push(await this.#options.make());
      } catch (error) {
        this.#options.log.debug('pool not filled', { error }); // the next open makes its own and tells why that fails
        return;
      }
    }
  }

  /** Stops filling and gives everything up. */
  async close(): Promise<void> {
    this.#isOpen = false;
    await this.filled();
    const items = this.#items.splice(0);
    if (items.length > 0) await this.#options.discard(items);
  }
}
