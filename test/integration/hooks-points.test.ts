// Two plugins that listen at every point of the table, loaded by --plugin, against a real daemon, containerd and registry: each point is called where it should be, in the
// order that the hints ask for.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startDaemon } from '../helpers/daemon.ts';
import { inOwnNamespaces } from '../helpers/namespaces.ts';
import { recorderPlugin } from '../helpers/recorder-plugin.ts';
import { startRegistry } from '../helpers/registry.ts';
import { walkPoints } from '../helpers/walk-points.ts';

inOwnNamespaces(import.meta.filename);

const dir = mkdtempSync(path.join(tmpdir(), 'pouchd-points-'));

test('every point of the table is called on real containers, images, volumes and networks, in the order that the plugins ask for', async () => {
  const log = path.join(dir, 'calls');
  writeFileSync(log, '');
  const late = recorderPlugin(dir, 'late', log, { order: { after: ['early'] } });
  const early = recorderPlugin(dir, 'early', log);
  await using registry = await startRegistry();
  const args = [`--plugin=${late}`, `--plugin=${early}`, `--insecure-registry=${registry.host}`];
  await using d = await startDaemon({ netns: false, args });

  const { calls, missing } = await walkPoints(d, registry.host, log);

  assert.equal(missing, []);
  for (const [point, names] of calls) {
    if (point.startsWith('api.')) continue; // requests overlap
    assert.is(names.join(' '), 'early late '.repeat(names.length / 2).trim(), point);
  }
});

test.after(() => rmSync(dir, { recursive: true, force: true }));
test.run();
