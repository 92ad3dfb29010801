import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { poll } from '../../daemon/lib/deadline.ts';
import { createContainer, ctr, inspect, ok, runContainer, startWithImage, until } from '../helpers/containers-api.ts';
import { inOwnNamespaces } from '../helpers/namespaces.ts';

inOwnNamespaces(import.meta.filename);

test('after kill -9 everything acknowledged is there: what runs is taken over, missed exits are told, half-made things are gone', async () => {
  await using d = await startWithImage();
  const sleeper = { Cmd: ['sleep', '1000'] };
  const running = await runContainer(d, 'running', { Cmd: ['sh', '-c', 'trap "exit 5" TERM; while :; do sleep 0.05; done'] });
  const fifo = path.join(d.dir, 'go');
  mkdirSync(fifo);
  const ending = await runContainer(d, 'ending', {
    Cmd: ['sh', '-c', 'until [ -e /go/now ]; do sleep 0.05; done; exit 7'],
    HostConfig: { Binds: [`${fifo}:/go`] },
  });
  const removed = await runContainer(d, 'removed', {
    Cmd: ['sh', '-c', 'until [ -e /go/now ]; do sleep 0.05; done'],
    HostConfig: { AutoRemove: true, Binds: [`${fifo}:/go`] },
  });
  const always = await runContainer(d, 'always', { ...sleeper, HostConfig: { RestartPolicy: { Name: 'always' } } });
  const stopped = await runContainer(d, 'stopped', { ...sleeper, HostConfig: { RestartPolicy: { Name: 'unless-stopped' } } });
  await ok(d, 'POST', `/containers/${stopped}/stop?t=0`);
  const created = await createContainer(d, 'created', { ...sleeper, Volumes: { '/data': {} }, Labels: { k: 'v' } });
  const before = await inspect(d, running);
  const bound = (await inspect(d, created)).Mounts[0]?.Name ?? '';

  await d.kill();
  const orphan = 'f'.repeat(64);
  mkdirSync(path.join(d.root, 'containers', orphan));
  await ctr(d, 'snapshots', 'prepare', orphan);
  await ctr(d, 'snapshots', 'label', orphan, 'io.pouchd.rootfs=x');
  await ctr(d, 'tasks', 'kill', '-s', 'SIGKILL', always);
  mkdirSync(path.join(fifo, 'now'));
  for (const id of [ending, removed, always]) {
    await poll(
      `${id} ended`,
      async () => (await ctr(d, 'tasks', 'ls')).split('\n').some((line) => line.startsWith(id) && line.includes('STOPPED')),
      {
        timeoutMs: 20_000,
      },
    );
  }
  await d.start();

  const after = await inspect(d, running);
  assert.equal(
    [after.State.Pid, after.State.Status, after.State.StartedAt],
    [before.State.Pid, 'running', before.State.StartedAt],
  );
  assert.equal(after.NetworkSettings.Networks, before.NetworkSettings.Networks);
  const ended = await inspect(d, ending);
  assert.equal([ended.State.Status, ended.State.ExitCode], ['exited', 7]);
  const again = await until(d, always, (seen) => seen.State.Status === 'running');
  assert.ok(again.State.Pid > 0);
  assert.is((await inspect(d, stopped)).State.Status, 'exited');
  const kept = await inspect(d, created);
  assert.equal([kept.State.Status, kept.Config.Labels], ['created', { k: 'v' }]);
  assert.is((await d.call('DELETE', `/volumes/${bound}`)).status, 409, 'the volume is still referenced');
  await poll('AutoRemove is made up for', async () => (await d.call('GET', `/containers/${removed}/json`)).status === 404, {
    timeoutMs: 20_000,
  });

  await poll(
    'orphans are gone',
    async () => !(await ctr(d, 'snapshots', 'ls')).includes(orphan) && !existsSync(path.join(d.root, 'containers', orphan)),
    {
      timeoutMs: 20_000,
    },
  );
  await ok(d, 'POST', `/containers/${running}/stop?t=20`);
  assert.is((await inspect(d, running)).State.ExitCode, 5);
  for (const id of [running, ending, always, stopped, created]) await ok(d, 'DELETE', `/containers/${id}?force=1&v=1`);
  assert.equal(readdirSync(path.join(d.root, 'containers')), []);
  assert.equal((await ctr(d, 'containers', 'ls', '-q')) + (await ctr(d, 'tasks', 'ls', '-q')), '');
});

test.run();
