import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { deadlineSignal, poll, withDeadline } from '../../../daemon/lib/deadline.ts';
import { rejects } from '../../helpers/rejects.ts';

test('work in time gives its value, late work a deadlineExceeded error that names it', async () => {
  assert.is(await withDeadline(Promise.resolve(7), 1000, 'it'), 7);
  const error = await rejects(withDeadline(new Promise(() => undefined), 5, 'the thing'), 'the thing did not finish within 5 ms');
  assert.is(error.kind, 'deadlineExceeded');
});

test('a deadline signal follows the signals it is given', () => {
  const controller = new AbortController();
  const signal = deadlineSignal(60_000, undefined, controller.signal);
  controller.abort(new Error('x'));
  assert.is(signal.reason.message, 'x');
});

test('poll waits for a value and says what it waited for in vain', async () => {
  let calls = 0;
  assert.is(await poll('three', () => (++calls === 3 ? calls : undefined), { timeoutMs: 5000, intervalMs: 1 }), 3);
  await rejects(
    poll('never', () => false, { timeoutMs: 5, intervalMs: 1 }),
    'never: not within 5 ms',
  );
});

test.run();
