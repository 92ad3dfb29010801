import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { humanSize, layerProgress, progressBar } from '../../../daemon/images/progress.ts';

test('sizes and bars are written as Docker writes them', () => {
  assert.equal([0, 999, 1000, 1_234_567, 2_500_000_000].map(humanSize), ['0B', '999B', '1kB', '1.235MB', '2.5GB']);
  assert.is(progressBar(0, 1000), `[>${' '.repeat(50)}]       0B/1kB`);
  assert.is(progressBar(500, 1000), `[${'='.repeat(25)}>${' '.repeat(25)}]     500B/1kB`);
  assert.is(progressBar(1000, 1000), `[${'='.repeat(50)}>]      1kB/1kB`);
  assert.is(progressBar(1500, 0), '   1.5kB');
  assert.equal(layerProgress('abc', 'Pull complete'), { status: 'Pull complete', progressDetail: {}, id: 'abc' });
});

test.run();
