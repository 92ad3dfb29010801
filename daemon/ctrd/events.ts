// One subscription for the task events of the namespace. containerd does not say when a subscription is live, so a marker event is published until it comes
// back; only then is the stream `ready`, or after a gap the resync hooks run. Between two subscriptions nothing is told: the hooks close that gap.
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../errors/error.ts';
import type { Logger } from '../lib/log.ts';
import { NamespaceUpdate } from '../types/gen/containerd/messages.ts';
import type { ContainerdClient, TaskEvents } from './contract.ts';
import { decodeTaskEvent, type TaskEvent } from './task-event.ts';

const markerTopic = '/pouchd/subscribed';
const firstPauseMs = 20;
const longestPauseMs = 1000;

/** Starts the subscription; it goes on until `close`. */
export function createTaskEvents(client: ContainerdClient, log: Logger): TaskEvents {
  const listeners = new Set<(event: TaskEvent) => void>();
  const hooks = new Set<() => void | Promise<void>>();
  const stop = new AbortController();
  const firstLive = Promise.withResolvers<void>();
  firstLive.promise.catch(() => {}); // told to whoever waits in ready()
  let wasLive = false;

  async function onLive(): Promise<void> {
    if (!wasLive) {
      wasLive = true;
      firstLive.resolve();
      return;
    }
    log.info('subscribed to containerd again');
    for (const hook of hooks) {
      try {
        await hook();
      } catch (error) {
        log.error('resync after a gap in events failed', { error });
      }
    }
  }

  function tell(event: TaskEvent): void {
    for (const listener of listeners) {
      try {
        listener(event);
      } catch (error) {
        log.error('listener of task events failed', { type: event.type, containerId: event.containerId, error });
      }
    }
  }

  async function follow(): Promise<void> {
    const marker = randomUUID();
    const attempt = new AbortController();
    const seen = new AbortController();
    const signal = AbortSignal.any([stop.signal, attempt.signal]);
    const filters = [`namespace==${client.namespace},topic~="^(/tasks/|${markerTopic}$)"`];
    let live: Promise<void> | undefined;
    let publishing: Promise<void> | undefined;
    try {
      const envelopes = client.events.subscribe({ filters }, { signal })[Symbol.asyncIterator]();
      let next = envelopes.next();
      publishing = publishUntilSeen(client, marker, { signal: attempt.signal, seen: seen.signal });
      // A failed publish means a failed connection; it ends the subscription too, which reports it.
      publishing.catch(() => attempt.abort());
      for (let result = await next; !result.done; result = await next) {
        next = envelopes.next();
        next.catch(() => {}); // awaited in the next round
        if (result.value.topic === markerTopic) {
          if (live || result.value.event === undefined || NamespaceUpdate.decode(result.value.event.value).name !== marker)
            continue;
          seen.abort();
          live = onLive();
          continue;
        }
        const event = decodeTaskEvent(result.value);
        if (event) tell(event);
      }
    } finally {
      attempt.abort();
      await publishing?.catch(() => {});
      await live;
    }
  }

  async function run(): Promise<void> {
    let pauseMs = firstPauseMs;
    while (!stop.signal.aborted) {
      const started = performance.now();
      try {
        await follow();
      } catch (error) {
        if (stop.signal.aborted) break;
        log.debug('subscription to containerd ended', { error: messageOf(error) });
      }
      pauseMs = performance.now() - started > longestPauseMs ? firstPauseMs : Math.min(pauseMs * 2, longestPauseMs);
      await delay(pauseMs, undefined, { signal: stop.signal }).catch(() => {}); // only `close` interrupts it
    }
    firstLive.reject(stop.signal.reason);
  }

  const running = run();
  return {
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    onResync(hook) {
      hooks.add(hook);
      return () => hooks.delete(hook);
    },
    ready: () => firstLive.promise,
    async close() {
      stop.abort();
      await running;
    },
  };
}

/** Publishes the marker with growing pauses until it was seen. Its type is one that `ctr events` can print. */
async function publishUntilSeen(
  client: ContainerdClient,
  marker: string,
  { signal, seen }: { signal: AbortSignal; seen: AbortSignal },
): Promise<void> {
  const value = Buffer.from(NamespaceUpdate.encode({ name: marker, labels: {} }).finish());
  const event = { typeUrl: 'containerd.events.NamespaceUpdate', value };
  const either = AbortSignal.any([signal, seen]);
  for (let pauseMs = 4; !either.aborted; pauseMs = Math.min(pauseMs * 2, 200)) {
    await client.events.publish({ topic: markerTopic, event }, { signal });
    await delay(pauseMs, undefined, { signal: either }).catch(() => {}); // either way the loop looks again
  }
}
