import { PassThrough } from 'node:stream';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DetachScanner, parseDetachKeys } from '../../../daemon/stdio/detach-keys.ts';
import { writeFrame } from '../../../daemon/stdio/frame.ts';
import { LineSplitter, linesOf } from '../../../daemon/stdio/line-splitter.ts';

test('detach keys are read in Docker spelling', () => {
  const table: [string | undefined, number[] | undefined][] = [
    [undefined, undefined],
    ['', undefined],
    ['ctrl-p,ctrl-q', [16, 17]],
    ['a', [97]],
    ['ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_', [0, 27, 28, 29, 30, 31]],
    ['ctrl-z,z', [26, 122]],
    [',', undefined],
  ];
  for (const [text, bytes] of table.slice(0, -1)) {
    const parsed = parseDetachKeys(text);
    assert.equal(parsed && [...parsed], bytes, String(text));
  }
  for (const bad of ['ctrl-', 'ctrl-A', 'shift-a', 'ab', ',', 'é']) {
    assert.throws(() => parseDetachKeys(bad), `Invalid detach keys (${bad}) provided`);
  }
});

test('the sequence is found across chunks; what only began like it is passed on', () => {
  const keys = Buffer.from('aab');
  const run = (...chunks: string[]): [string, boolean] => {
    const scanner = new DetachScanner(keys);
    let passed = '';
    for (const chunk of chunks) {
      const { pass, detached } = scanner.scan(Buffer.from(chunk));
      passed += pass;
      if (detached) return [passed, true];
    }
    return [passed, false];
  };
  assert.equal(run('aab'), ['', true]);
  assert.equal(run('x', 'a', 'a', 'b', 'never'), ['x', true]);
  assert.equal(run('aaab'), ['a', true], 'an overlap counts');
  assert.equal(run('a', 'a', 'a', 'a', 'b'), ['aa', true]);
  assert.equal(run('aac', 'ab', 'c'), ['aacabc', false]);
  assert.equal(run('hello', 'a'), ['hello', false], 'held back');
  assert.equal(run('hello', 'a', 'x'), ['helloax', false]);
});

test('frames carry stream and length', () => {
  const out = new PassThrough();
  writeFrame(out, 'stdout', Buffer.from('hi'));
  writeFrame(out, 'stderr', Buffer.alloc(300, 'e'));
  const bytes: Buffer = out.read();
  assert.equal([...bytes.subarray(0, 10)], [1, 0, 0, 0, 0, 0, 0, 2, 104, 105]);
  assert.equal([...bytes.subarray(10, 18)], [2, 0, 0, 0, 0, 0, 1, 44]);
  assert.is(bytes.length, 8 + 2 + 8 + 300);
});

test('lines are cut at newlines and at 16 KiB, an unfinished one waits for the end', () => {
  const blocks: string[] = [];
  const splitter = new LineSplitter((block) => blocks.push(block.toString()));
  splitter.push(Buffer.from('a\nb'));
  assert.equal([blocks, String(splitter.pending)], [['a\n'], 'b']);
  splitter.push(Buffer.from('c\n\nd'));
  splitter.end();
  splitter.end();
  assert.equal(blocks, ['a\n', 'bc\n\n', 'd']);
  assert.equal([...linesOf(Buffer.from('bc\n\nd'))].map(String), ['bc\n', '\n', 'd']);

  /** Lengths of all lines that come of these chunks, and all of them joined. */
  const lengths = (...chunks: string[]): number[] => {
    const lines: Buffer[] = [];
    const one = new LineSplitter((block) => lines.push(...linesOf(block).map((line) => Buffer.from(line))));
    for (const chunk of chunks) one.push(Buffer.from(chunk));
    one.end();
    assert.is(Buffer.concat(lines).toString(), chunks.join(''));
    return lines.map((line) => line.length);
  };
  const x = (count: number) => 'x'.repeat(count);
  assert.equal(lengths(`${x(16384)}\n`), [16385], 'fits whole');
  assert.equal(lengths(x(16383), '\n', `${x(16384)}\n`), [16384, 16385]);
  assert.equal(lengths(x(40000), 'z\n'), [16384, 16384, 40000 - 32768 + 2]);
  assert.equal(lengths(`a\n${x(20000)}\nb\n${x(40000)}\nc`), [2, 16384, 20001 - 16384, 2, 16384, 16384, 40001 - 32768, 1]);
  assert.equal(lengths(x(32768)), [16384, 16384]);
  assert.equal(lengths(`${x(10000)}\n${x(10000)}\n${x(10000)}\n`), [10001, 10001, 10001]);
});

test.run();
