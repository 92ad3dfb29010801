/*
 * What the bus remembers: the newest events in memory, older ones in the store's `events` table, written in batches some time after the event, so that
 * publishing costs nothing on a container's path. A crash loses at most the last batch: events tell what happened, they are not state.
 */
import { messageOf } from '../errors/error.ts';
import type { Logger } from '../lib/log.ts';
import type { EventMessage } from '../types/docker/event.ts';

/** What the history needs of the daemon's store: its `events` table. */
export interface EventStore {
  all<T>(table: 'events'): { id: string; value: T }[];
  put(table: 'events', id: string, value: unknown): void;
  delete(table: 'events', id: string): void;
  transaction<T>(work: () => T): T;
}

/** Sizes of the history; the defaults suit a daemon, tests make them small. */
export interface HistoryLimits {
  /** Events kept in memory. */
  ring: number;
  /** Rows kept in the store. */
  rows: number;
  /** How long an event may wait to be written. */
  flushMs: number;
}

const defaults: HistoryLimits = { ring: 512, rows: 4096, flushMs: 1000 };

/** The remembered events of one daemon. */
export class EventHistory {
  readonly #store: EventStore | undefined;
  readonly #log: Logger;
  readonly #limits: HistoryLimits;
  readonly #ring: EventMessage[] = [];
  #pending: { id: string; event: EventMessage }[] = [];
  /** Ids in the store, oldest first; read when first needed. */
  #stored: string[] | undefined;
  #timer: NodeJS.Timeout | undefined;
  #sequence = 0;

  constructor(store: EventStore | undefined, log: Logger, limits: Partial<HistoryLimits> = {}) {
    this.#store = store;
    this.#log = log;
    this.#limits = { ...defaults, ...limits };
  }

  add(event: EventMessage): void {
    this.#ring.push(event);
    if (this.#ring.length > this.#limits.ring) this.#ring.splice(0, this.#ring.length - this.#limits.ring);
    if (!this.#store) return;
    this.#sequence = (this.#sequence + 1) % 1_000_000;
    this.#pending.push({ id: `${String(event.timeNano).padStart(20, '0')}-${String(this.#sequence).padStart(6, '0')}`, event });
    this.#timer ??= setTimeout(() => this.flush(), this.#limits.flushMs).unref();
  }

  /** Events at or after `sinceMs`, oldest first. The store is read only when memory does not reach back far enough. */
  since(sinceMs: number): EventMessage[] {
    const oldest = this.#ring[0];
    const isCovered = this.#store === undefined || (oldest !== undefined && oldest.timeNano / 1e6 < sinceMs);
    if (isCovered) return this.#ring.filter((event) => event.timeNano / 1e6 >= sinceMs);
    this.flush();
    return (this.#store?.all<EventMessage>('events') ?? [])
      .map((row) => row.value)
      .filter((event) => event.timeNano / 1e6 >= sinceMs);
  }

  /** Writes what waits, in one commit, and drops the oldest rows above the limit. A store that fails loses history, not the daemon. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const store = this.#store;
    if (!store || this.#pending.length === 0) return;
    const batch = this.#pending;
    this.#pending = [];
    try {
      this.#stored ??= store.all('events').map((row) => row.id);
      const stored = this.#stored;
      stored.push(...batch.map((row) => row.id));
      const surplus = stored.splice(0, Math.max(0, stored.length - this.#limits.rows));
      store.transaction(() => {
        for (const row of batch) store.put('events', row.id, row.event);
        for (const id of surplus) store.delete('events', id);
      });
    } catch (error) {
      this.#stored = undefined;
      this.#log.warn('events not saved', { count: batch.length, error: messageOf(error) });
    }
  }
}
