import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { formatNano, nowNano, parseDuration, parseRfc3339, parseTimestamp } from '../../../daemon/lib/time.ts';
import { rejects } from '../../helpers/rejects.ts';

test('moments are written with nine digits, and read back the same', () => {
  const nano = 1_704_161_045_123_456_789n;
  assert.equal([formatNano(nano), parseRfc3339(formatNano(nano))], ['2024-01-02T02:04:05.123456789Z', nano]);
});

test('two looks at the clock never give the same moment or go back', () => {
  const seen = Array.from({ length: 1000 }, () => nowNano());
  assert.ok(seen.every((one, at) => at === 0 || one > (seen[at - 1] ?? 0n)));
});

test('Go durations are nanoseconds; other words are none', () => {
  const cases: [string, number | undefined][] = [
    ['1h30m', 5_400e9],
    ['250ms', 250e6],
    ['-1.5s', -1.5e9],
    ['0', 0],
    ['1us', 1000],
    ['10', undefined],
    ['5x', undefined],
    ['', undefined],
  ];
  for (const [text, expected] of cases) assert.is(parseDuration(text), expected, text);
});

test('since and until take Unix seconds, RFC 3339 in its shorter forms, and durations before now', async () => {
  const now = 1_000_000_000_000_000_000n;
  const cases: [string, bigint][] = [
    ['1.5', 1_500_000_000n],
    ['1700000000.000000001', 1_700_000_000_000_000_001n],
    ['1970-01-01T01:00:00+01:00', 0n],
    ['1970-01-02', 86_400_000_000_000n],
    ['1970-01-01T00:01', 60_000_000_000n],
    ['10m', now - 600_000_000_000n],
  ];
  for (const [text, expected] of cases) assert.is(parseTimestamp(text, now), expected, text);
  await rejects(() => parseTimestamp('yesterday', now), 'failed to parse value as time or duration: "yesterday"');
});

test.run();
