import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { poll } from '../../daemon/lib/deadline.ts';
import { run } from '../../daemon/lib/process.ts';
import { startDaemon } from '../helpers/daemon.ts';
import { call } from '../helpers/http.ts';

const main = resolve(import.meta.dirname, '../../daemon/boot/main.ts');

/** Runs the daemon's command line to its end; it must not start. */
function pouchd(args: string[]) {
  return run(process.execPath, [main, ...args], {
    allowFailure: true,
    timeoutMs: 60_000,
    env: { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1' },
  });
}

const isAlive = (pid: number): boolean =>
  existsSync(`/proc/${pid}`) && !/\bState:\s+Z/.test(readFileSync(`/proc/${pid}/status`, 'utf8'));

test('a daemon answers its first ping, stops cleanly on SIGTERM, and starts again on the same folders', async () => {
  await using daemon = await startDaemon();
  const { pid: containerd } = JSON.parse(readFileSync(join(daemon.state, 'containerd/containerd.json'), 'utf8')) as {
    pid: number;
  };
  const id = (await daemon.call('GET', '/info')).json<{ ID: string }>().ID;
  assert.is(readFileSync(join(daemon.state, 'pouchd.pid'), 'utf8').trim(), String(daemon.pid));

  assert.is(await daemon.stop(), 0, daemon.log());
  assert.equal(
    [existsSync(daemon.socket), existsSync(join(daemon.state, 'pouchd.pid')), isAlive(containerd)],
    [false, false, false],
  );

  await daemon.start();
  assert.is((await daemon.call('GET', '/info')).json<{ ID: string }>().ID, id);
  assert.not(/ ERROR /.test(daemon.log()), daemon.log());
});

test('a daemon that was killed leaves nothing in the way of the next one, which takes its containerd over', async () => {
  await using daemon = await startDaemon();
  await daemon.kill();
  assert.ok(existsSync(daemon.socket), 'the socket file of the crash');
  await daemon.start();
  assert.is((await daemon.call('GET', '/_ping')).text, 'OK');
  assert.match(daemon.log(), /took over the running containerd/);
});

test('a second daemon on the same root is refused, and the first goes on', async () => {
  await using daemon = await startDaemon();
  const other = await pouchd([
    '--config',
    daemon.configFile,
    '--root',
    daemon.root,
    '--state',
    `${daemon.state}2`,
    '-H',
    `${daemon.host}2`,
  ]);
  assert.equal(
    [other.exitCode, other.stderr.includes(`uses the root directory ${daemon.root}; stop it or give another`)],
    [1, true],
    other.stderr,
  );
  assert.is((await daemon.call('GET', '/_ping')).text, 'OK');
});

test('SIGHUP takes over what may change, tells it as an event, and keeps the old when the file is bad', async () => {
  await using daemon = await startDaemon({ config: { labels: ['a=1'] } });
  const info = async () => (await daemon.call('GET', '/info')).json<{ Labels: string[]; Debug: boolean }>();
  const reloaded = async (text: string, expected: RegExp): Promise<void> => {
    writeFileSync(daemon.configFile, text);
    daemon.signal('SIGHUP');
    await poll('the reload', () => expected.test(daemon.log()), { timeoutMs: 20_000 });
  };
  await reloaded('{"labels":["a=2"],"debug":true}', /configuration reloaded changed="debug labels"/);
  assert.equal([(await info()).Labels, (await info()).Debug], [['a=2'], true]);
  await daemon.call('GET', '/volumes/nix');
  await poll('debug lines come', () => / DEBUG .*request refused/.test(daemon.log()), { timeoutMs: 20_000 });
  await reloaded('{"labels":7}', /configuration not reloaded error=.*labels: must be a list of strings/);
  assert.equal((await info()).Labels, ['a=2']);
  const now = Date.now() / 1000;
  const events = (await daemon.call('GET', `/events?since=1&until=${now + 0.1}&filters=%7B%22type%22%3A%5B%22daemon%22%5D%7D`))
    .text;
  assert.equal(
    events
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { Action: string }).Action),
    ['reload'],
  );
});

test('several places to listen, and parts that are left out', async () => {
  await using daemon = await startDaemon({
    args: ['-H', 'tcp://127.0.0.1:0', '--disabled-plugin', 'io.pouchd.apiroutes.v1.volumes'],
  });
  await poll('the ports are told', () => daemon.log().includes('api listens'), { timeoutMs: 20_000 });
  const port = /tcp:\/\/127\.0\.0\.1:(\d+)/.exec(daemon.log())?.[1];
  const script = `fetch('http://127.0.0.1:${port}/v1.41/_ping').then((one) => one.text()).then(console.log)`;
  assert.is((await daemon.exec(process.execPath, ['-e', script])).stdout, 'OK\n');
  assert.is((await call(daemon.socket, 'GET', '/volumes')).status, 404);
});

test.run();
