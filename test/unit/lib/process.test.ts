import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { run } from '../../../daemon/lib/process.ts';
import { rejects } from '../../helpers/rejects.ts';

test('a program gets its input, and its output and exit code come back', async () => {
  const done = await run('sh', ['-c', 'cat; echo err >&2; exit 3'], { input: 'abc', allowFailure: true });
  assert.equal(done, { exitCode: 3, stdout: 'abc', stderr: 'err\n' });
});

test('output of a program that ends at once is never lost', async () => {
  const results = await Promise.all(Array.from({ length: 20 }, () => run('sh', ['-c', 'head -c 100000 /dev/zero'])));
  assert.ok(results.every((one) => one.stdout.length === 100_000));
});

test('only the tail of much output is kept', async () => {
  const { stdout } = await run('sh', ['-c', 'seq 1 100000'], { maxBytes: 1000 });
  assert.equal([stdout.length, stdout.endsWith('99999\n100000\n')], [1000, true]);
});

test('failures say what failed: exit code with last words, missing program, time, signal', async () => {
  await rejects(run('sh', ['-c', 'echo why >&2; exit 4']), /^sh -c .* failed \(exit 4\): why$/);
  const missing = await rejects(run('no-such-program-here', []), 'program not found: no-such-program-here');
  const late = await rejects(run('sleep', ['30'], { timeoutMs: 20 }), 'sleep did not end within 20 ms');
  await rejects(run('sleep', ['30'], { signal: AbortSignal.abort(new Error('stop')) }), 'stop');
  const killed = await run('sh', ['-c', 'kill -9 $$'], { allowFailure: true });
  assert.equal([missing.kind, late.kind, killed.exitCode], ['unavailable', 'deadlineExceeded', 137]);
});

test.run();
