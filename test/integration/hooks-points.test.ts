// Two plugins that listen at every point of the table, loaded by --plugin, against a real daemon, containerd and registry: each point is called where it should be, in the
// order that the hints ask for.
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { poll } from '../../daemon/lib/deadline.ts';
import { type PointName, pointNames } from '../../hookplugins/points.ts';
import { startDaemon } from '../helpers/daemon.ts';
import { busyboxArchive } from '../helpers/image.ts';
import { inOwnNamespaces } from '../helpers/namespaces.ts';
import { recorderPlugin } from '../helpers/recorder-plugin.ts';
import { startRegistry } from '../helpers/registry.ts';

inOwnNamespaces(import.meta.filename);

const dir = mkdtempSync(path.join(tmpdir(), 'pouchd-points-'));
const log = path.join(dir, 'calls');
appendFileSync(log, '');
const lines = () => readFileSync(log, 'utf8').split('\n').filter(Boolean);

test('every point of the table is called on real containers, images, volumes and networks, in the order that the plugins ask for', async () => {
  const first = recorderPlugin(dir, 'second-loaded-first', log, { order: { after: ['early'] } });
  const second = recorderPlugin(dir, 'early', log);
  await using registry = await startRegistry();
  await using d = await startDaemon({
    netns: false,
    args: [`--plugin=${first}`, `--plugin=${second}`, `--insecure-registry=${registry.host}`],
  });
  const seen = new Map<PointName, string[]>();
  /** Does something and gives the points that were called, in order; of the second plugin's calls only that they came after. */
  const during = async (work: () => Promise<unknown>, wanted: PointName): Promise<void> => {
    await work();
    await poll(`a call of ${wanted}`, () => lines().some((line) => line.startsWith(`${wanted} `)), { timeoutMs: 20_000 });
  };
  const docker = (...args: string[]) => d.docker(args);

  const archive = path.join(dir, 'busybox.tar');
  const image = `${registry.host}/busybox:1`;
  await busyboxArchive(archive, { name: image });
  await docker('load', '-q', '-i', archive);
  await docker('push', '-q', image);
  await during(() => docker('rmi', image), 'image.preDelete');
  await during(() => docker('pull', '-q', image), 'image.postPull');
  await during(() => docker('network', 'create', 'other'), 'network.preCreate');
  await during(() => docker('volume', 'create', 'data'), 'volume.postCreate');
  await during(
    () => docker('create', '--name', 'web', '-v', 'data:/data', '--stop-timeout', '1', image, 'sleep', '1000'),
    'container.postCreate',
  );
  await during(() => docker('start', 'web'), 'container.postStart');
  await during(() => docker('network', 'connect', 'other', 'web'), 'network.postConnect');
  await during(() => docker('network', 'disconnect', 'other', 'web'), 'network.preDisconnect');
  await during(() => docker('exec', 'web', 'true'), 'exec.postStop');
  await during(() => docker('update', '--memory', '64m', '--memory-swap', '64m', 'web'), 'container.postUpdate');
  await during(() => d.call('POST', '/containers/web/attach?stream=0&stdout=1&logs=1'), 'container.preAttach');
  await during(() => docker('stop', 'web'), 'container.postStop');
  await during(() => docker('rm', 'web'), 'container.postDelete');
  await during(() => docker('volume', 'rm', 'data'), 'volume.preDelete');
  await during(() => d.call('GET', '/health'), 'daemon.health');
  writeFileSync(d.configFile, JSON.stringify({ labels: ['reloaded=yes'] }));
  await during(async () => d.signal('SIGHUP'), 'daemon.configReload');
  await d.stop();

  for (const line of lines()) {
    const [point, name] = line.split(' ') as [PointName, string];
    seen.set(point, [...(seen.get(point) ?? []), name]);
  }
  const criComesLater: PointName[] = ['cri.preCreateContainer'];
  assert.equal(
    pointNames.filter((point) => !seen.has(point) && !criComesLater.includes(point)),
    [],
    'points that were not called',
  );
  for (const [point, names] of seen) {
    if (point.startsWith('api.')) continue; // requests overlap
    const pairs = names.filter((_, at) => at % 2 === 0).every((name) => name === 'early');
    assert.ok(pairs && names.length % 2 === 0, `${point}: ${names.join(' ')}`);
  }
});

test.after(() => rmSync(dir, { recursive: true, force: true }));
test.run();
