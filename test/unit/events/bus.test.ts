import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createEventBus } from '../../../daemon/events/bus.ts';
import { silentLogger } from '../../../daemon/lib/log.ts';
import type { Store } from '../../../daemon/store/contract.ts';
import type { EventMessage } from '../../../daemon/types/docker/event.ts';
import { rejects } from '../../helpers/rejects.ts';

/** The store's half that the bus uses, in a Map that outlives the bus. */
function memoryStore(rows = new Map<string, unknown>()): Pick<Store, 'all' | 'put' | 'delete' | 'transaction'> {
  return {
    all: <T>() => [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([id, value]) => ({ id, value: value as T })),
    put: (_table, id, value) => void rows.set(id, structuredClone(value)),
    delete: (_table, id) => void rows.delete(id),
    transaction: (work) => work(),
  };
}

const start = (id: string, attributes: Record<string, string> = {}) =>
  ({ type: 'container', action: 'start', id, attributes }) as const;

async function ids(events: AsyncIterable<EventMessage>): Promise<string[]> {
  return (await Array.fromAsync(events)).map((event) => event.Actor.ID);
}

test('a reader gets what happened since, then what happens, until it leaves', async () => {
  const bus = createEventBus({ log: silentLogger });
  bus.publish(start('1'));
  const seen: string[] = [];
  const controller = new AbortController();
  const reading = (async () => {
    for await (const event of bus.subscribe({ sinceMs: 0, signal: controller.signal })) {
      seen.push(event.Actor.ID);
      if (seen.length === 1) bus.publish(start('2'));
      else controller.abort();
    }
  })();
  await reading;
  assert.equal(seen, ['1', '2']);
});

test('without since only new events come, from the moment of subscribing; until ends the stream', async () => {
  const bus = createEventBus({ log: silentLogger });
  bus.publish(start('old'));
  const events = bus.subscribe({ untilMs: Date.now() + 50 });
  bus.publish(start('new'));
  assert.equal(await ids(events), ['new']);
  assert.equal(await ids(bus.subscribe({ sinceMs: 0, untilMs: Date.now() - 60_000 })), []);
});

test('events have the shape that old and new clients read', async () => {
  const bus = createEventBus({ log: silentLogger });
  bus.publish(start('c', { image: 'busybox', name: 'web' }));
  bus.publish({ type: 'network', action: 'create', id: 'n' });
  const [first, second] = await Array.fromAsync(bus.subscribe({ sinceMs: 0, untilMs: 1 + Date.now() }));
  const { time, timeNano, ...rest } = first!;
  assert.equal(rest, {
    status: 'start',
    id: 'c',
    from: 'busybox',
    Type: 'container',
    Action: 'start',
    Actor: { ID: 'c', Attributes: { image: 'busybox', name: 'web' } },
    scope: 'local',
  });
  assert.equal([Math.floor(timeNano / 1e9), 'status' in second!, second!.timeNano >= timeNano], [time, false, true]);
});

test('filters follow Docker: kinds of one key are either-or, keys are all', async () => {
  const bus = createEventBus({ log: silentLogger });
  bus.publish(start('abc', { name: 'web', image: 'repo/app:1', 'com.x': 'y' }));
  bus.publish({ type: 'container', action: 'exec_create: ls -l', id: 'abd', attributes: { name: 'db', image: 'busybox' } });
  bus.publish({ type: 'image', action: 'pull', id: 'repo/app:1', attributes: { name: 'repo/app' } });
  bus.publish({ type: 'volume', action: 'create', id: 'vol' });
  const all = ['abc', 'abd', 'repo/app:1', 'vol'];
  const cases: [Record<string, string[]>, string[]][] = [
    [{}, all],
    [{ type: ['container', 'volume'] }, ['abc', 'abd', 'vol']],
    [{ event: ['start', 'pull'] }, ['abc', 'repo/app:1']],
    [{ event: ['exec_create'] }, ['abd']],
    [{ container: ['web'] }, ['abc']],
    [{ container: ['ab'] }, ['abc', 'abd']],
    [{ volume: ['vol'] }, ['vol']],
    [{ image: ['repo/app'] }, ['abc', 'repo/app:1']],
    [{ label: ['com.x=y'] }, ['abc']],
    [{ label: ['com.x=y'], event: ['die'] }, []],
    [{ scope: ['swarm'] }, []],
  ];
  for (const [filters, expected] of cases) {
    assert.equal(await ids(bus.subscribe({ filters, sinceMs: 0, untilMs: Date.now() + 1 })), expected, JSON.stringify(filters));
  }
});

test('events outlive the daemon in the store, only so many, and memory serves the recent ones', async () => {
  const rows = new Map<string, unknown>();
  const limits = { ring: 2, rows: 3 };
  const first = createEventBus({ store: memoryStore(rows), log: silentLogger, limits });
  for (const id of ['1', '2', '3', '4', '5']) first.publish(start(id));
  assert.equal(await ids(first.subscribe({ sinceMs: 0, untilMs: Date.now() + 1 })), ['3', '4', '5']);
  first.close();

  const second = createEventBus({ store: memoryStore(rows), log: silentLogger, limits });
  second.publish(start('6'));
  assert.equal(await ids(second.subscribe({ sinceMs: 0, untilMs: Date.now() + 1 })), ['4', '5', '6']);
  assert.is(rows.size, 3);
});

test('a store that fails loses history, not the daemon', async () => {
  const broken = memoryStore();
  broken.transaction = () => {
    throw new Error('disk full');
  };
  const bus = createEventBus({ store: broken, log: silentLogger });
  bus.publish(start('1'));
  bus.close();
  assert.ok(true);
});

test('a reader that does not read is cut off, the others go on', async () => {
  const bus = createEventBus({ log: silentLogger });
  const slow = bus.subscribe({});
  let heard = 0;
  bus.listen(() => {
    heard += 1;
    if (heard === 1) throw new Error('a bad listener is only logged');
  });
  for (let at = 0; at < 5000; at += 1) bus.publish(start(String(at)));
  const error = await rejects(ids(slow), 'events behind');
  assert.equal([error.kind, heard], ['unavailable', 5000]);
});

test.run();
