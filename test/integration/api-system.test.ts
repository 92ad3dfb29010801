import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runCli } from '../../daemon/cli/main.ts';
import { poll } from '../../daemon/lib/deadline.ts';
import { startDaemon, type TestDaemon } from '../helpers/daemon.ts';

const daemon: TestDaemon = await startDaemon();

/** Runs the `pouch` client against the daemon and collects what it writes. */
async function pouch(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const written = { out: '', err: '' };
  const output = {
    print(text: string) {
      written.out += text;
    },
    complain(text: string) {
      written.err += text;
    },
  };
  const code = await runCli(args, output, { DOCKER_HOST: daemon.host });
  return { code, ...written };
}

test('version and info tell Docker clients what they need, in the shape of the version they speak', async () => {
  const version = (await daemon.call('GET', '/v1.41/version')).json<Record<string, unknown>>();
  assert.equal(
    [
      version['ApiVersion'],
      version['MinAPIVersion'],
      version['Os'],
      (version['Components'] as { Name: string }[]).map((one) => one.Name),
    ],
    ['1.44', '1.24', 'linux', ['Engine', 'containerd', 'runc', 'docker-init']],
  );
  const info = (await daemon.call('GET', '/v1.44/info')).json<Record<string, unknown>>();
  assert.equal(
    [
      info['OSType'],
      info['Driver'],
      info['DefaultRuntime'],
      info['DockerRootDir'],
      info['Containers'],
      typeof info['NCPU'],
      (info['Swarm'] as { LocalNodeState: string }).LocalNodeState,
    ],
    ['linux', 'overlayfs', 'runc', daemon.root, 0, 'number', 'inactive'],
  );
  assert.ok((info['SecurityOptions'] as string[]).includes('name=seccomp,profile=default'));
  const old = (await daemon.call('GET', '/v1.24/info')).json<Record<string, unknown>>();
  assert.equal(
    [
      (old['SecurityOptions'] as string[]).includes('seccomp'),
      old['ExecutionDriver'],
      'KernelMemoryTCP' in old,
      'KernelMemoryTCP' in info,
    ],
    [true, '<not supported>', true, false],
  );
  const shown = await daemon.docker(['info', '-f', '{{.ID}}|{{.OSType}}|{{.Driver}}']);
  assert.match(shown.stdout, /^[0-9a-f-]{36}\|linux\|overlayfs\n$/);
  assert.match((await daemon.docker(['version'])).stdout, /API version: +1\.44 \(minimum version 1\.24\)/);
});

test('events stream from the moment they are asked for, with their header at once, until the client leaves or until', async () => {
  const controller = new AbortController();
  const { request } = await import('node:http');
  const lines: string[] = [];
  const { promise: started, resolve } = Promise.withResolvers<number | undefined>();
  const outgoing = request(
    {
      socketPath: daemon.socket,
      path: '/v1.44/events?filters=%7B%22type%22%3A%5B%22volume%22%5D%7D',
      signal: controller.signal,
      agent: false,
    },
    (answer) => {
      resolve(answer.statusCode);
      answer.on('error', () => undefined);
      answer.on('data', (chunk: Buffer) => lines.push(...chunk.toString().trim().split('\n')));
    },
  );
  outgoing.on('error', () => undefined);
  outgoing.end();
  assert.is(await started, 200);
  await daemon.call('POST', '/volumes/create', { body: { Name: 'seen' } });
  await daemon.call('DELETE', '/volumes/seen');
  await poll('both events', () => lines.length === 2, { timeoutMs: 20_000 });
  const told = lines.map((line) => JSON.parse(line) as { Type: string; Action: string; Actor: { ID: string }; scope: string });
  assert.equal(
    told.map((one) => [one.Type, one.Action, one.Actor.ID, one.scope]),
    [
      ['volume', 'create', 'seen', 'local'],
      ['volume', 'destroy', 'seen', 'local'],
    ],
  );
  const listeners = async () => (await daemon.call('GET', '/info')).json<{ NEventsListener: number }>().NEventsListener;
  assert.is(await listeners(), 1);
  controller.abort();
  await poll('the reader is gone', async () => (await listeners()) === 0, { timeoutMs: 20_000 });

  const past = await daemon.call(
    'GET',
    `/events?since=0.000000001&until=${Date.now() / 1000}&filters=%7B%22volume%22%3A%7B%22seen%22%3Atrue%7D%7D`,
  );
  assert.is(past.text.trim().split('\n').length, 2);
  for (const query of ['since=yesterday', 'since=20&until=10', 'filters=no']) {
    assert.is((await daemon.call('GET', `/events?${query}`)).status, 400, query);
  }
  const unknown = 'filters=%7B%22nix%22%3A%5B%22x%22%5D%7D&since=0.000000001&until=1'; // Docker ignores what it does not know here
  assert.equal((await daemon.call('GET', `/events?${unknown}`)).status, 200);
});

test('disk usage has its four parts, and only those asked for from 1.42 on', async () => {
  const keys = async (path: string) => Object.keys((await daemon.call('GET', path)).json<object>()).sort();
  assert.equal(await keys('/v1.44/system/df'), ['BuildCache', 'Containers', 'Images', 'LayersSize', 'Volumes']);
  assert.equal(await keys('/v1.41/system/df'), ['BuildCache', 'BuilderSize', 'Containers', 'Images', 'LayersSize', 'Volumes']);
  assert.equal(await keys('/v1.44/system/df?type=volume&type=container'), ['Containers', 'Volumes']);
  assert.is((await daemon.call('GET', '/v1.44/system/df?type=nix')).text, '{"message":"unknown object type: nix"}\n');
});

test('swarm endpoints answer as a node outside a swarm', async () => {
  const notManager =
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';
  const cases: [string, string, number, string][] = [
    ['GET', '/swarm', 503, notManager],
    ['GET', '/services', 503, notManager],
    ['GET', '/nodes/self', 503, notManager],
    ['POST', '/secrets/create', 503, notManager],
    ['DELETE', '/configs/x', 503, notManager],
    ['GET', '/tasks', 503, notManager],
    ['POST', '/swarm/leave', 503, 'This node is not part of a swarm'],
    ['POST', '/swarm/init', 501, 'swarm mode is not supported by pouchd'],
    ['GET', '/plugins/nix/json', 404, 'plugin "nix" not found'],
    ['GET', '/plugins/some/path/json', 404, 'plugin "some/path" not found'],
  ];
  for (const [method, path, status, message] of cases) {
    const answer = await daemon.call(method, path);
    assert.equal([answer.status, answer.json<{ message: string }>().message], [status, message], `${method} ${path}`);
  }
  assert.match((await daemon.docker(['inspect', 'nix'], { allowFailure: true })).stderr, /No such object: nix/i);
});

test('health, metrics and hook figures are there for whoever watches', async () => {
  const health = (await daemon.call('GET', '/health')).json<{ status: string; checks: { name: string; healthy: boolean }[] }>();
  assert.equal([health.status, health.checks.map((one) => [one.name, one.healthy])], ['healthy', [['containerd', true]]]);
  const metrics = await daemon.call('GET', '/metrics');
  assert.match(String(metrics.headers['content-type']), /^text\/plain; version=0\.0\.4/);
  assert.match(metrics.text, /^pouchd_api_requests_total\{method="GET",path="\/health",code="200"\} 1$/m);
  assert.match(metrics.text, /^pouchd_api_request_duration_seconds_bucket\{method="GET",path="\/health",le="\+Inf"\} 1$/m);
  assert.match(
    metrics.text,
    /^pouchd_containerd_calls_total\{method="containerd.services.version.v1.Version\/Version",code="0"\} \d+$/m,
  );
  assert.match(metrics.text, /^process_resident_memory_bytes \d+$/m);
  assert.equal((await daemon.call('GET', '/plugins/hooks')).json(), { plugins: [], stats: [] });
  assert.equal((await daemon.call('GET', '/plugins')).json(), []);
});

test('the pouch client tells versions, containers and hooks, as tables and as JSON, with exit codes', async () => {
  assert.match((await pouch('version')).out, /^client +\S+\nserver +\S+\napi +1\.44 \(minimum 1\.24\)\n$/);
  assert.is((JSON.parse((await pouch('--json', 'info')).out) as { OSType: string }).OSType, 'linux');
  assert.equal(await pouch('ps'), { code: 0, out: 'CONTAINER ID   IMAGE   STATUS   NAMES\n', err: '' });
  assert.equal(await pouch('plugins', 'stats', '--json'), { code: 0, out: '[]\n', err: '' });
  assert.match((await pouch('help')).out, /^Usage: pouch \[-H URL\]/);
  assert.equal(await pouch('fly'), { code: 2, out: '', err: 'pouch: unknown command fly; pouch help tells what there is\n' });
  const nobody = await pouch('-H', 'unix:///nowhere.sock', 'ps');
  assert.equal([nobody.code, nobody.err.startsWith('pouch: cannot reach the daemon at unix:///nowhere.sock')], [1, true]);
});

test('nothing of all this was a failure of the daemon', async () => {
  assert.not(/ ERROR /.test(daemon.log()), daemon.log());
  await daemon[Symbol.asyncDispose]();
});

test.run();
