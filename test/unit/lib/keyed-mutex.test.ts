import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { KeyedMutex } from '../../../daemon/lib/keyed-mutex.ts';
import { rejects } from '../../helpers/rejects.ts';

test('work under one key runs in order of asking, other keys do not wait, and nothing is left behind', async () => {
  const mutex = new KeyedMutex();
  const seen: string[] = [];
  const gate = Promise.withResolvers<void>();
  const work = (key: string, name: string, wait?: Promise<void>) =>
    mutex.run(key, async () => {
      seen.push(`${name}+`);
      await wait;
      seen.push(`${name}-`);
    });

  const all = [work('a', '1', gate.promise), work('a', '2'), work('a', '3')];
  await work('b', 'other');
  gate.resolve();
  await Promise.all(all);

  assert.equal(seen, ['1+', 'other+', 'other-', '1-', '2+', '2-', '3+', '3-']);
  assert.equal([mutex.isLocked('a'), mutex.isLocked('b')], [false, false]);
});

test('failed work gives the lock back', async () => {
  const mutex = new KeyedMutex();
  await rejects(
    mutex.run('a', () => Promise.reject(new Error('boom'))),
    'boom',
  );
  assert.is(await mutex.run('a', () => 7), 7);
});

test('a waiter whose signal aborts leaves, and the one behind it still waits for the one before it', async () => {
  const mutex = new KeyedMutex();
  const gate = Promise.withResolvers<void>();
  const controller = new AbortController();
  const seen: string[] = [];
  const first = mutex.run('a', async () => {
    await gate.promise;
    seen.push('first');
  });
  const second = rejects(
    mutex.run('a', () => seen.push('second'), controller.signal),
    'gone',
  );
  const third = mutex.run('a', () => seen.push('third'));

  controller.abort(new Error('gone'));
  await second;
  assert.equal(seen, []);
  gate.resolve();
  await Promise.all([first, third]);
  assert.equal([seen, mutex.isLocked('a')], [['first', 'third'], false]);
});

test.run();
