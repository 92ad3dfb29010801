import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { engine } from '../helpers/engine.ts';

const e = await engine(import.meta.filename);
const loop = (trap: string) => ['sh', '-c', `trap "${trap}" TERM; echo started; while :; do sleep 0.1; done`];

test('create, start, stop, start, restart, kill, wait: states and codes as Docker’s', async () => {
  await e.ok('create', '--name', 'life', e.image, ...loop('exit 7'));
  assert.is(await e.format('life', '{{.State.Status}}'), 'created');
  await e.ok('start', 'life');
  await e.until('it traps', async () => (await e.ok('logs', 'life')).includes('started'));
  await e.ok('stop', '-t', '10', 'life');
  assert.is(await e.format('life', '{{.State.Status}} {{.State.ExitCode}}'), 'exited 7');
  await e.ok('start', 'life');
  const pid = await e.format('life', '{{.State.Pid}}');
  await e.ok('restart', '-t', '2', 'life');
  assert.is.not(await e.format('life', '{{.State.Pid}}'), pid);
  const refused = await e.docker('rm', 'life');
  assert.match(refused.stderr, /You cannot remove a running container/);
  await e.ok('kill', 'life');
  assert.is((await e.ok('wait', 'life')).trim(), '137');
  await e.ok('rename', 'life', 'after');
  assert.is((await e.docker('inspect', 'life')).code, 1);
  await e.ok('rm', 'after');
  assert.match((await e.docker('rm', 'after')).stderr, /No such container: after/);
});

test('a name is given once', async () => {
  await e.ok('create', '--name', 'once', e.image, 'true');
  const again = await e.docker('create', '--name', 'once', e.image, 'true');
  assert.match(again.stderr, /Conflict\. The container name "\/once" is already in use by container/);
  await e.ok('rm', 'once');
});

test('pause freezes: no exec until unpause', async () => {
  await e.ok('run', '-d', '--name', 'cold', e.image, 'sleep', '1000');
  await e.ok('pause', 'cold');
  assert.is(await e.format('cold', '{{.State.Status}}'), 'paused');
  assert.match((await e.docker('exec', 'cold', 'true')).stderr, /is paused/);
  await e.ok('unpause', 'cold');
  await e.ok('exec', 'cold', 'true');
  await e.ok('rm', '-f', 'cold');
});

test('update changes limits and the restart policy of a running container', async () => {
  await e.ok('run', '-d', '--name', 'upd', '-m', '128m', e.image, 'sleep', '1000');
  await e.ok('update', '--memory', '64m', '--memory-swap', '128m', '--cpu-shares', '512', '--restart', 'on-failure:3', 'upd');
  assert.is(
    await e.format('upd', '{{.HostConfig.Memory}} {{.HostConfig.CpuShares}} {{.HostConfig.RestartPolicy.Name}}'),
    '67108864 512 on-failure',
  );
  await e.ok('rm', '-f', 'upd');
});

test('restart policies: on-failure counts, always comes back, stop ends it', async () => {
  await e.ok('run', '-d', '--name', 'fails', '--restart', 'on-failure:2', e.image, 'sh', '-c', 'exit 1');
  await e.until('two restarts', async () => (await e.format('fails', '{{.RestartCount}} {{.State.Status}}')) === '2 exited');
  await e.ok('run', '-d', '--name', 'always', '--restart', 'always', e.image, 'sleep', '0.3');
  await e.until('came back', async () => Number(await e.format('always', '{{.RestartCount}}')) >= 1);
  await e.ok('stop', '-t', '1', 'always');
  const count = await e.format('always', '{{.RestartCount}}');
  assert.is(await e.format('always', '{{.State.Running}} {{.RestartCount}}'), `false ${count}`);
  await e.ok('rm', 'fails', 'always');
});

test('healthchecks turn unhealthy and healthy', async () => {
  await e.ok(
    ...['run', '-d', '--name', 'hc', '--health-cmd', 'test -f /ok', '--health-interval', '200ms', '--health-retries', '2'],
    ...['--health-timeout', '20s', e.image, 'sleep', '1000'],
  );
  await e.until('unhealthy', async () => (await e.format('hc', '{{.State.Health.Status}}')) === 'unhealthy');
  await e.ok('exec', 'hc', 'touch', '/ok');
  await e.until('healthy', async () => (await e.format('hc', '{{.State.Health.Status}}')) === 'healthy');
  assert.match(await e.ok('ps', '--filter', 'health=healthy', '--filter', 'name=hc'), /\(healthy\)/);
  await e.ok('rm', '-f', 'hc');
});

test('ps filters, formats and limits', async () => {
  await e.ok('run', '--name', 'psf', '--label', 'k=v', e.image, 'sh', '-c', 'exit 3').catch(() => {});
  const list = (...filters: string[]) =>
    e.ok('ps', '-a', '--format', '{{.Names}}', ...filters.flatMap((filter) => ['--filter', filter]));
  assert.is(await list('name=^psf$', 'status=exited'), 'psf\n');
  assert.is(await list('name=^psf$', 'exited=3'), 'psf\n');
  assert.is(await list('label=k=v'), 'psf\n');
  assert.is(await list('label=k=w'), '');
  assert.is(await list(`ancestor=${e.image}`, 'name=psf'), 'psf\n');
  assert.is((await e.ok('ps', '-n', '1', '-q')).trim().split('\n').length, 1);
  await e.ok('rm', 'psf');
});

test('events tell the life of a container in order, live and afterwards', async () => {
  const since = Math.floor(Date.now() / 1000) - 1;
  await e.ok('run', '--name', 'ev', '--label', 'ek=ev', e.image, 'sh', '-c', 'exit 5').catch(() => {});
  await e.ok('rm', 'ev');
  const until = Math.ceil(Date.now() / 1000) + 1;
  const told = await e.ok(
    'events',
    '--since',
    `${since}`,
    '--until',
    `${until}`,
    '--filter',
    'label=ek=ev',
    '--format',
    '{{.Action}} {{.Actor.Attributes.exitCode}}',
  );
  const actions = told
    .trim()
    .split('\n')
    .map((line) => line.trim());
  const order = ['create', 'attach', 'start', 'die 5', 'destroy'].map((action) =>
    actions.findIndex((line) => line.startsWith(action)),
  );
  assert.ok(
    order.every((at, index) => at >= 0 && (index === 0 || at > (order[index - 1] ?? -1))),
    told,
  );
});

test('top, stats and diff look into a running container', async () => {
  await e.ok('run', '-d', '--name', 'look', e.image, 'sleep', '1000');
  assert.match(await e.ok('top', 'look', '-o', 'pid,args'), /PID[\s\S]*sleep 1000/);
  assert.match(await e.ok('stats', '--no-stream', '--format', '{{.Name}} {{.PIDs}}', 'look'), /^look 1$/m);
  await e.ok('exec', 'look', 'sh', '-c', 'touch /new; rm /etc/group');
  const diff = (await e.ok('diff', 'look')).trim().split('\n').sort();
  assert.equal(diff, ['A /new', 'C /etc', 'D /etc/group']);
  await e.ok('rm', '-f', 'look');
});

e.run(test);
