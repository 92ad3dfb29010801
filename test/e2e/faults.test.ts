/**
 * kill -9 of the daemon, of its containerd and of a shim, at any moment, also under load: what was acknowledged is there afterwards, what runs goes on, exits that were
 * missed are collected, and nothing half-made stays. POUCHD_CRASH_ROUNDS=200 runs the long loop.
 */

import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { engine } from '../helpers/engine.ts';

const e = await engine(import.meta.filename);
const rounds = Number(process.env['POUCHD_CRASH_ROUNDS'] ?? 6);

test('a stopped daemon leaves containers running, and the next one finds them', async () => {
  await e.ok(
    'run',
    '-d',
    '--name',
    'stays',
    '-p',
    '127.0.0.1:18090:80',
    e.image,
    'sh',
    '-c',
    'mkdir /w; echo up >/w/index.html; exec httpd -f -p 80 -h /w',
  );
  const pid = await e.format('stays', '{{.State.Pid}}');
  await e.restart('SIGTERM');
  assert.is(await e.format('stays', '{{.State.Pid}} {{.State.Running}}'), `${pid} true`);
  await e.until(
    'the port answers again',
    async () => (await e.sh('curl -fsS --max-time 2 http://127.0.0.1:18090/')).stdout === 'up\n',
  );
  assert.is(await e.ok('exec', 'stays', 'echo', 'in'), 'in\n');
});

test('kill -9 of the daemon: running ones run, a missed exit has its code, logs go on', async () => {
  await e.ok('run', '-d', '--name', 'ends', e.image, 'sh', '-c', 'while ! test -f /stop; do sleep 0.05; done; exit 9');
  await e.ok('run', '-d', '--name', 'talks', e.image, 'sh', '-c', 'i=0; while :; do i=$((i+1)); echo n$i; sleep 0.05; done');
  await e.sh(`touch /proc/$(docker inspect -f '{{.State.Pid}}' ends)/root/stop`, { ok: true });
  await e.restart('SIGKILL');
  assert.is((await e.ok('wait', 'ends')).trim(), '9');
  assert.is(await e.format('stays', '{{.State.Running}}'), 'true');
  const lines = (await e.ok('logs', 'talks')).trim().split('\n').length;
  await e.until('logs go on', async () => (await e.ok('logs', 'talks')).trim().split('\n').length > lines);
  await e.ok('rm', '-f', 'ends', 'talks');
});

test('kill -9 of containerd: the daemon starts it again and goes on', async () => {
  const before = e.containerdPid();
  process.kill(before, 'SIGKILL');
  await e.until(
    'another containerd',
    async () => e.containerdPid() !== before && (await e.docker('exec', 'stays', 'true')).code === 0,
  );
  assert.is(await e.ok('run', '--rm', e.image, 'echo', 'again'), 'again\n');
});

test('kill -9 of a shim ends its container, which can be started again', async () => {
  await e.ok('run', '-d', '--name', 'orphan', e.image, 'sleep', '1000');
  const id = await e.format('orphan', '{{.Id}}');
  process.kill(e.shims().find((shim) => shim.id === id)?.pid ?? 0, 'SIGKILL');
  await e.until('it is known to have ended', async () => (await e.format('orphan', '{{.State.Running}}')) === 'false');
  await e.ok('start', 'orphan');
  assert.is(await e.format('orphan', '{{.State.Running}}'), 'true');
  await e.ok('rm', '-f', 'orphan');
});

test(`${rounds} rounds of kill -9 under load lose nothing that was acknowledged and leave nothing half-made`, async () => {
  const acknowledged = new Set<string>();
  for (let round = 0; round < rounds; round++) {
    const load = Promise.allSettled(
      Array.from({ length: 4 }, async (_, worker) => {
        for (let step = 0; ; step++) {
          const name = `c${round}-${worker}-${step}`;
          const made = await e.api('POST', `/containers/create?name=${name}`, {
            body: JSON.stringify({ Image: e.image, Cmd: ['true'] }),
            headers: { 'Content-Type': 'application/json' },
          });
          if (made.status === 201) acknowledged.add(name);
          const started = await e.api('POST', `/containers/${name}/start`);
          if (started.status === 204 && step % 2) {
            acknowledged.delete(name); // from here on gone or there, both are right when the answer is lost
            const removed = await e.api('DELETE', `/containers/${name}?force=1`);
            if (removed.status >= 500) throw new Error(removed.body);
          }
        }
      }),
    );
    await new Promise((resolve) => setTimeout(resolve, 100 + Math.random() * 700)); // the moment of the crash is meant to be random
    await e.restart('SIGKILL');
    await load; // every worker has failed with its connection
  }
  const names = new Set((await e.ok('ps', '-a', '--format', '{{.Names}}')).trim().split('\n'));
  assert.equal(
    [...acknowledged].filter((name) => !names.has(name)),
    [],
  );
  assert.is(await e.format('stays', '{{.State.Running}}'), 'true');
  const all = (await e.ok('ps', '-aq', '--no-trunc')).trim().split('\n');
  for (const id of all) await e.ok('rm', '-f', id);
  await e.until('nothing is left', async () => leftovers().length === 0).catch(() => {});
  assert.equal(leftovers(), []);
});

/** Folders, mounts and shims that belong to containers which are no more. */
function leftovers(): string[] {
  const dirs = fs.existsSync(path.join(e.root, 'containers')) ? fs.readdirSync(path.join(e.root, 'containers')) : [];
  const tasks = path.join(e.daemon.state, 'containerd/state/io.containerd.runtime.v2.task');
  const mounts = fs
    .readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .filter((line) => line.includes(tasks));
  return [
    ...dirs.map((dir) => `folder ${dir}`),
    ...mounts.map((mount) => `mount ${mount}`),
    ...e.shims().map((shim) => `shim ${shim.id}`),
  ];
}

e.run(test);
