import { execFile } from 'node:child_process';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { judge, readSummary } from '../../../hack/test-result.ts';

const test = suite('the test runner is not fooled by uvu');
const root = path.resolve(import.meta.dirname, '../../..');
const runner = path.join(root, 'hack/run-tests.ts');
const fixtures = path.join(root, 'test/fixtures/uvu');

interface Ran {
  readonly code: number | string | undefined | null;
  readonly out: string;
}

function run(...args: string[]): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(process.execPath, [runner, ...args], (error, out) => resolve({ code: error ? error.code : 0, out }));
  });
}

test('reads the last summary, colours or not', () => {
  const summary = (total: number): string =>
    `\n  Total:     ${total}\n\u001b[32m  Passed:    ${total}\u001b[39m\n  Skipped:   0\n  Duration:  1ms\n\n`;
  assert.equal(readSummary(summary(2) + summary(5)), { total: 5, passed: 5, skipped: 0 });
  assert.is(readSummary('nothing here'), undefined);
});

test('a killed file is red whatever it printed', () => {
  const output = '\n  Total:     1\n  Passed:    1\n  Skipped:   0\n';
  assert.match(judge('', { output, code: null, signal: 'SIGKILL', timedOut: false }).reason ?? '', 'SIGKILL');
  assert.equal(judge('', { output, code: 0, signal: null, timedOut: false }), { passed: 1, failed: 0 });
});

test('each false green in a process of its own is red with its reason', async () => {
  const names = [
    'green',
    'fails',
    'throwing-before',
    'after-each',
    'non-error',
    'forgotten-run',
    'only',
    'silent-skip',
    'stated-skip',
    'load-error',
  ];
  const { code, out } = await run(...names.map((name) => `${fixtures}/${name}.test.ts`), '--jobs=2');
  assert.is(code, 1);
  const reasons = new Map([...out.matchAll(/^not ok test\/fixtures\/uvu\/(.*)\.test\.ts: (.*)$/gm)].map((m) => [m[1], m[2]]));
  assert.match(reasons.get('fails') ?? '', '1 of 2 failed');
  assert.match(reasons.get('throwing-before') ?? '', /failed|no test ran/);
  assert.ok(reasons.has('after-each'));
  assert.ok(reasons.has('non-error'));
  assert.match(reasons.get('forgotten-run') ?? '', 'is .run() missing');
  assert.match(reasons.get('only') ?? '', 'left-over .only at line 2');
  assert.match(reasons.get('silent-skip') ?? '', '1 skipped, 0 with a reason');
  assert.match(reasons.get('load-error') ?? '', 'before a summary');
  assert.is(reasons.size, 8);
  assert.match(out.trimEnd().split('\n').at(-1) ?? '', /^\d+ passed, 9 failed$/);
});

test('a file that hangs is killed at its time limit and named', async () => {
  const { code, out } = await run(`${fixtures}/hangs.test.ts`, '--timeout=1');
  assert.is(code, 1);
  assert.match(out, /^not ok test\/fixtures\/uvu\/hangs\.test\.ts: time limit reached, killed$/m);
  assert.match(out, /\n0 passed, 1 failed\n$/);
});

test('nothing to run is a failure', async () => {
  const { code, out } = await run('unit', '--match=^no such file$');
  assert.is(code, 1);
  assert.match(out, /\n0 passed, 1 failed\n$/);
});

test.run();
