import { type ChildProcess, spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { poll } from '../../daemon/lib/deadline.ts';
import { skipPlugin, types } from '../../hookplugins/index.ts';
import { startContainerd } from '../helpers/containerd.ts';
import { startGrpc } from '../helpers/grpc.ts';
import { busyboxArchive } from '../helpers/image.ts';

const limitMs = 40_000;

interface Ctr {
  child: ChildProcess;
  output(): string;
  ended: Promise<{ code: number | null; output: string }>;
}

/** Starts containerd's real client against `socket`. It is killed when it takes too long: the result then has code null. */
function ctr(socket: string, ...args: string[]): Ctr {
  const child = spawn('ctr', ['-a', socket, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: limitMs,
    killSignal: 'SIGKILL',
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const ended = new Promise<{ code: number | null; output: string }>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output }));
  });
  return { child, output: () => output, ended };
}

/** Runs it to its end and gives the output; a failure shows it. */
async function run(socket: string, ...args: string[]): Promise<string> {
  const running = ctr(socket, ...args);
  running.child.stdin?.end();
  const { code, output } = await running.ended;
  assert.is(code, 0, `ctr ${args.join(' ')}: ${output}`);
  return output;
}

test('ctr does its whole work through the endpoint: images, containers, tasks, content, snapshots, leases, events', async () => {
  await using ctrd = await startContainerd();
  await using grpc = await startGrpc(ctrd);
  const { socket } = grpc;
  const archive = path.join(ctrd.dir, 'image.tar');
  await busyboxArchive(archive, { name: 'docker.io/library/bb:1' });
  const image = 'docker.io/library/bb:1';
  const events = ctr(socket, 'events');
  // The subscription is live once a change of ours comes back.
  await poll(
    'events of ctr',
    async () => {
      await run(socket, 'ns', 'create', `probe${Date.now()}`);
      return events.output().includes('/namespaces/create');
    },
    { timeoutMs: limitMs },
  );

  assert.match(await run(socket, 'version'), /Server:\s+Version:\s+\d/);
  await run(socket, 'images', 'import', '--snapshotter', 'native', archive);
  assert.match(await run(socket, 'images', 'ls', '-q'), image);
  await run(socket, 'images', 'export', path.join(ctrd.dir, 'out.tar'), image);
  assert.ok(fs.statSync(path.join(ctrd.dir, 'out.tar')).size > 500_000);
  assert.match(await run(socket, 'content', 'ls', '-q'), /^sha256:/m);
  assert.match(await run(socket, 'snapshots', '--snapshotter', 'native', 'ls'), 'Committed');

  const create = ['run', '--snapshotter', 'native'];
  assert.is(await run(socket, ...create, '--rm', image, 'hello', 'echo', 'hello'), 'hello\n');
  const failing = ctr(socket, ...create, '--rm', image, 'failing', 'sh', '-c', 'exit 7');
  failing.child.stdin?.end();
  assert.is((await failing.ended).code, 7);

  // ctr closes the task's stdin only when its own ends after the start (a race of its own, also without us): so end it after the echo.
  const piped = ctr(socket, ...create, '--rm', image, 'piped', 'cat');
  piped.child.stdin?.write('through the fifo\n');
  await poll('the echo', () => piped.output().includes('through the fifo\n'), { timeoutMs: limitMs });
  piped.child.stdin?.end();
  assert.equal(await piped.ended, { code: 0, output: 'through the fifo\n' });

  await run(socket, ...create, '-d', image, 'resident', 'sleep', '1000');
  assert.match(await run(socket, 'containers', 'ls', '-q'), 'resident');
  assert.match(await run(socket, 'tasks', 'ls'), /resident\s+\d+\s+RUNNING/);
  assert.is(await run(socket, 'tasks', 'exec', '--exec-id', 'e1', 'resident', 'echo', 'inside'), 'inside\n');
  await run(socket, 'tasks', 'kill', '-s', '9', 'resident');
  await poll('the end of the task', async () => /STOPPED/.test(await run(socket, 'tasks', 'ls')), { timeoutMs: limitMs });
  await run(socket, 'tasks', 'rm', '-f', 'resident');
  await run(socket, 'containers', 'rm', 'resident');
  await run(socket, 'leases', 'create', '--id', 'mine');
  assert.match(await run(socket, 'leases', 'ls', '-q'), 'mine');
  assert.match(await run(socket, 'namespaces', 'ls', '-q'), /^default$/m);

  for (const topic of ['/images/create', '/containers/create', '/tasks/start', '/tasks/exit', '/tasks/delete']) {
    await poll(topic, () => events.output().includes(` ${topic} `), { timeoutMs: limitMs });
  }
  events.child.kill();
  await events.ended;
});

test('ctr plugins ls shows the graph of the daemon: what is fine, skipped and failed, also what came after the endpoint', async () => {
  await using ctrd = await startContainerd();
  const platforms = [{ os: 'linux', architecture: 'amd64' }];
  await using grpc = await startGrpc(ctrd, {}, [
    {
      type: types.volumeDriver,
      id: 'good',
      meta: { platforms, exports: { root: '/x' }, capabilities: ['fast'] },
      initFn: () => ({}),
    },
    {
      type: types.volumeDriver,
      id: 'absent',
      initFn() {
        throw skipPlugin('no such kernel module');
      },
    },
    {
      type: types.volumeDriver,
      id: 'broken',
      requires: [types.grpc],
      initFn() {
        throw new Error('it fell over');
      },
    },
  ]);
  const rows = (await run(grpc.socket, 'plugins', 'ls')).split('\n').map((line) => line.trim().split(/\s+/).join(' '));
  for (const row of [
    'io.pouchd.ctrd.v1 containerd - ok',
    'io.pouchd.grpc.v1 tasks - ok',
    'io.pouchd.volumedriver.v1 good linux/amd64 ok',
    'io.pouchd.volumedriver.v1 absent - skip',
    'io.pouchd.volumedriver.v1 broken - error',
  ]) {
    assert.ok(rows.includes(row), `${row} is not among:\n${rows.join('\n')}`);
  }
  const filtered = await run(grpc.socket, 'plugins', 'ls', '-q', 'type~=volumedriver,id!=good', 'id==tasks');
  assert.equal(filtered.trim().split('\n').sort(), ['absent', 'broken', 'tasks']);
  const details = await run(grpc.socket, 'plugins', 'ls', '-d', 'type==io.pouchd.volumedriver.v1');
  assert.match(details, /Capabilities:\s+fast/);
  assert.match(details, /Message:\s+it fell over/);
  assert.match(details, /Requires:\s+io\.pouchd\.grpc\.v1/);
});

test.run();
