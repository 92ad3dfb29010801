import type { Logger } from '../lib/log.ts';
import { nowNano } from '../lib/time.ts';
import type { EventMessage } from '../types/docker/event.ts';
import type { EventBus, EventInput } from './contract.ts';
import { eventFilter } from './filter.ts';
import { EventHistory, type EventStore, type HistoryLimits } from './history.ts';
import { Subscription } from './subscription.ts';

/** What the event bus is made of; without a store nothing outlives the daemon. */
export interface EventBusDeps {
  readonly store?: EventStore;
  readonly log: Logger;
  readonly limits?: Partial<HistoryLimits>;
}

/** Builds the daemon's event bus. `close` writes what waits and ends all subscriptions. */
export function createEventBus(deps: EventBusDeps): EventBus & { close(): void } {
  const history = new EventHistory(deps.store, deps.log, deps.limits);
  const subscriptions = new Set<Subscription>();
  const listeners = new Set<(event: EventMessage) => void>();
  let last = 0n;

  return {
    publish(input) {
      const now = nowNano();
      last = now > last ? now : last + 1n; // events keep their order whatever the clock does
      const event = messageOfInput(input, last);
      history.add(event);
      for (const subscription of subscriptions) subscription.push(event);
      for (const listener of [...listeners]) {
        try {
          listener(event);
        } catch (error) {
          deps.log.error('event listener failed', { type: event.Type, action: event.Action, error });
        }
      }
    },
    subscribe(query) {
      const past = query.sinceMs === undefined ? [] : history.since(query.sinceMs);
      const subscription = new Subscription({
        past,
        accepts: eventFilter(query.filters),
        untilMs: query.untilMs,
        signal: query.signal,
        onEnd: (one) => subscriptions.delete(one),
      });
      if (!subscription.isEnded) subscriptions.add(subscription);
      return subscription;
    },
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close() {
      history.flush();
      for (const subscription of [...subscriptions]) subscription.end();
    },
  };
}

function messageOfInput(input: EventInput, nano: bigint): EventMessage {
  const attributes = input.attributes ?? {};
  const event: EventMessage = {
    Type: input.type,
    Action: input.action,
    Actor: { ID: input.id, Attributes: attributes },
    scope: 'local',
    time: Number(nano / 1_000_000_000n),
    timeNano: Number(nano),
  };
  // Docker fills the old twins for these two types only, where there is something to fill in.
  if (input.type !== 'container' && input.type !== 'image') return event;
  const from = input.type === 'container' ? attributes['image'] : undefined;
  return { status: input.action, ...(input.id && { id: input.id }), ...(from && { from }), ...event };
}
