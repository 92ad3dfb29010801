/** A dockerd 20.10 and pouchd get the same requests, and a client could not tell their answers apart: status, headers, every key and value, messages, events, frames. What differs on purpose stands in known-differences.ts. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { inOwnNamespaces } from '../helpers/namespaces.ts';
import { startEngines } from '../helpers/side-by-side/engines.ts';
import { type KnownDifference, knownDifferences } from '../helpers/side-by-side/known-differences.ts';
import { play } from '../helpers/side-by-side/play.ts';
import type { Row } from '../helpers/side-by-side/row.ts';
import { configRows } from '../helpers/side-by-side/rows-config.ts';
import { commandRows, kindRows, lifeRows } from '../helpers/side-by-side/rows-containers.ts';
import { doorRows, refusedRows } from '../helpers/side-by-side/rows-doors.ts';
import { imageRows } from '../helpers/side-by-side/rows-images.ts';
import { networkRows, volumeRows } from '../helpers/side-by-side/rows-networks.ts';
import { processRows } from '../helpers/side-by-side/rows-processes.ts';

inOwnNamespaces(import.meta.filename);
const engines = await startEngines();

const met = new Set<KnownDifference>();

function isKnown(row: string, difference: string): boolean {
  const fitting = knownDifferences.filter((one) => (!one.row || one.row.test(row)) && one.difference.test(difference));
  for (const one of fitting) met.add(one);
  return fitting.length > 0;
}

const tables: Record<string, readonly Row[]> = {
  'the daemon about itself, odd paths, versions and methods': doorRows,
  'requests that make no container': refusedRows,
  'a container through all its states': lifeRows,
  'what a container is made from': configRows,
  'containers of every kind': kindRows,
  'processes, logs, streams and files': await processRows(),
  images: imageRows,
  networks: networkRows,
  volumes: volumeRows,
  "the Docker CLI's output": commandRows,
};

for (const [name, rows] of Object.entries(tables)) {
  test(`${name}: the answers are Docker's`, async () => {
    const findings = await play(engines, rows);
    const unknown = findings.flatMap(({ row, differences }) =>
      differences.filter((one) => !isKnown(row, one)).map((one) => `${row}\n    ${one}`),
    );
    assert.is(unknown.join('\n'), '');
  });
}

test('every known difference is still there', () => {
  const gone = knownDifferences.filter((one) => !one.mayBeAbsent && !met.has(one));
  assert.is(gone.map((one) => `${one.row ?? ''} ${one.difference} ${one.why}`).join('\n'), '');
});

test.after(async () => await engines[Symbol.asyncDispose]());
test.run();
