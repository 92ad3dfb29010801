import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { globMatches } from '../../../daemon/lib/glob.ts';

test("patterns are those of Go's path.Match", () => {
  const rows: [string, string, boolean][] = [
    ['busy*', 'busybox', true],
    ['busy*', 'busy/box', false],
    ['*/box', 'busy/box', true],
    ['b?sybox', 'busybox', true],
    ['[a-c]x', 'bx', true],
    ['[^a-c]x', 'bx', false],
    ['a.c', 'abc', false],
    ['a\\*', 'a*', true],
    ['[', '[', true],
    ['', '', true],
  ];
  assert.equal(
    rows.map(([pattern, text]) => [pattern, text, globMatches(pattern, text)]),
    rows,
  );
});

test.run();
