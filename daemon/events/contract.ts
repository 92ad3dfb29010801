import type { EventMessage, EventType } from '../types/docker/event.ts';

/** What a room tells the world. Attributes hold what Docker puts there: name, image, exitCode, labels … */
export interface EventInput {
  type: EventType;
  action: string;
  id: string;
  attributes?: Record<string, string>;
}

export interface EventQuery {
  /** Docker's filters, already parsed: `{ type: ['container'], event: ['die'], label: ['k=v'] }`. */
  filters?: Record<string, string[]>;
  /** Milliseconds since the epoch, fractions kept. Without `since` only new events come. */
  sinceMs?: number;
  /** When given, the stream ends at that moment. */
  untilMs?: number;
  signal?: AbortSignal;
}

/** The daemon's events: published once, kept in a ring (and the store for `since` over a restart), streamed to any number of readers. */
export interface EventBus {
  publish(event: EventInput): void;
  /** Past events that match, then live ones, until `untilMs` or `signal`. A slow reader is cut off, it never holds the daemon. */
  subscribe(query: EventQuery): AsyncIterable<EventMessage>;
  /** In-process listener for rooms (no filters, synchronous); returns the way out. */
  listen(listener: (event: EventMessage) => void): () => void;
}
