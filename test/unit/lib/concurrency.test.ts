import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { mapLimited } from '../../../daemon/lib/map-limited.ts';
import { Semaphore } from '../../../daemon/lib/semaphore.ts';
import { rejects } from '../../helpers/rejects.ts';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test('mapLimited keeps order and limit, and after a failure begins nothing new and waits for the rest', async () => {
  let running = 0;
  let most = 0;
  const doubled = await mapLimited([3, 1, 2, 5, 4], 2, async (item) => {
    most = Math.max(most, ++running);
    for (let at = 0; at < item; at++) await turn();
    running--;
    return item * 2;
  });
  assert.equal([doubled, most], [[6, 2, 4, 10, 8], 2]);
  assert.equal(await mapLimited([], 2, async () => 1), []);

  const begun: number[] = [];
  const ended: number[] = [];
  const failing = mapLimited([0, 1, 2, 3], 2, async (item) => {
    begun.push(item);
    if (item === 0) throw new Error('the first');
    await turn();
    await turn();
    ended.push(item);
  });
  await rejects(failing, /the first/);
  assert.equal([begun, ended], [[0, 1], [1]]);
});

test('a semaphore lets its limit in, in order, and forgets those who leave', async () => {
  const semaphore = new Semaphore(2);
  const first = await semaphore.acquire();
  const second = await semaphore.acquire();
  assert.ok(semaphore.isFull);
  const leave = new AbortController();
  const order: string[] = [];
  const left = semaphore.acquire(leave.signal);
  const third = semaphore.acquire().then((place) => {
    order.push('third');
    return place;
  });
  const fourth = semaphore.acquire().then((place) => {
    order.push('fourth');
    return place;
  });
  leave.abort(new Error('left'));
  await rejects(left, /left/);
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  await third;
  await turn();
  assert.equal(order, ['third']);
  second[Symbol.dispose]();
  for (const place of [await third, await fourth]) place[Symbol.dispose]();
  assert.not.ok(semaphore.isFull);
  await rejects(semaphore.acquire(AbortSignal.abort(new Error('too late'))), /too late/);
});

test.run();
