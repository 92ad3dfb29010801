/** Attach, logs, WebSockets, stats, top and resize over the API. */
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { WebSocket } from 'ws';
import { poll } from '../../daemon/lib/deadline.ts';
import { demultiplex, hijack } from '../helpers/hijack.ts';
import { scratchContainers } from '../helpers/scratch-containers.ts';

const s = await scratchContainers();
const { daemon } = s;
const logs = async (id: string, query: string) => {
  const socket = await import('../helpers/http.ts');
  return await socket.call(daemon.socket, 'GET', `/containers/${id}/logs?${query}`);
};
const text = async (id: string, query: string, stream: 'stdout' | 'stderr' = 'stdout') =>
  demultiplex(Buffer.from((await logs(id, `stdout=1&stderr=1&${query}`)).text, 'latin1'))[stream];

test('what is piped into a container before its start comes out, 10 MB of it, and its stdin ends', async () => {
  const id = await s.create({
    Cmd: ['sh', '-c', 'md5sum; cat /dev/zero | head -c 5000000 >&2'],
    OpenStdin: true,
    StdinOnce: true,
    AttachStdin: true,
  });
  const client = await hijack(daemon.socket, `/containers/${id}/attach?stream=1&stdin=1&stdout=1&stderr=1`);
  assert.match(client.header, /^HTTP\/1\.1 101 UPGRADED/);
  const data = randomBytes(10_000_000);
  client.socket.end(data);
  await s.ok('POST', `/containers/${id}/start`);
  assert.is(await s.wait(id), 0);
  const { stdout, stderr } = demultiplex(await client.ended);
  assert.is(stdout, `${createHash('md5').update(data).digest('hex')}  -\n`);
  assert.is(stderr.length, 5_000_000);
});

test('stdin without StdinOnce: a client that ends its input is let go, the next one goes on', async () => {
  const id = await s.run({
    Cmd: ['sh', '-c', 'while read l; do echo "got $l"; [ "$l" = stop ] && exit 6; done; exit 9'],
    OpenStdin: true,
  });
  const first = await hijack(daemon.socket, `/containers/${id}/attach?stream=1&stdin=1&stdout=1`);
  first.socket.end('one\n');
  await first.ended;
  const second = await hijack(daemon.socket, `/containers/${id}/attach?stream=1&stdin=1&stdout=1&logs=1`);
  second.socket.write('stop\n');
  assert.is(await s.wait(id), 6);
  assert.is(demultiplex(await second.ended).stdout, 'got one\ngot stop\n', 'the log of the first line, then the second live');
  const { text: events } = await daemon.call(
    'GET',
    `/events?since=1&until=${Math.floor(Date.now() / 1000) + 1}&filters=${encodeURIComponent(JSON.stringify({ container: [id], event: ['attach'] }))}`,
  );
  assert.is(events.trim().split('\n').length, 2);
});

test('a terminal: bare bytes, its size, detach keys that leave the container running', async () => {
  const id = await s.run({ Cmd: ['sh'], Tty: true, OpenStdin: true, StdinOnce: true });
  const client = await hijack(daemon.socket, `/containers/${id}/attach?stream=1&stdin=1&stdout=1&detachKeys=ctrl-a,x`);
  await s.ok('POST', `/containers/${id}/resize?h=44&w=111`);
  client.socket.write('stty size; echo $((40+2))\n');
  await poll('the answer', () => /44 111[\s\S]*42/.test(client.bytes().toString()), { timeoutMs: 20_000 });
  client.socket.write('\x01x');
  await client.ended;
  const { State } = await s.ok<{ State: { Running: boolean } }>('GET', `/containers/${id}/json`);
  assert.is(State.Running, true);
  await s.ok('DELETE', `/containers/${id}?force=1`);
});

test('attach with logs of an ended container gives its log; an unreadable log is refused', async () => {
  const id = await s.run({ Cmd: ['sh', '-c', 'echo past; echo bad >&2'] });
  await s.wait(id);
  const client = await hijack(daemon.socket, `/containers/${id}/attach?logs=1&stdout=1&stderr=1`);
  assert.equal(demultiplex(await client.ended), { stdout: 'past\n', stderr: 'bad\n' });
  const none = await s.run({ Cmd: ['true'], HostConfig: { LogConfig: { Type: 'none' } } });
  await s.wait(none);
  for (const path of [`/containers/${none}/attach?logs=1&stdout=1`]) {
    const refused = await daemon.call('POST', path);
    assert.equal([refused.status, refused.json()], [501, { message: 'configured logging driver does not support reading' }]);
  }
});

test('attach over a WebSocket carries bare bytes both ways', async () => {
  const id = await s.run({
    Cmd: ['sh', '-c', 'read l; echo "ws $l"; echo err >&2; sleep 0.1'],
    OpenStdin: true,
    StdinOnce: true,
  });
  const socket = new WebSocket(`ws+unix://${daemon.socket}:/v1.41/containers/${id}/attach/ws?stream=1&stdin=1&stdout=1&stderr=1`);
  let got = '';
  socket.on('message', (data: Buffer) => (got += data.toString()));
  const closed = new Promise((resolve, reject) => socket.once('close', resolve).once('error', reject));
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  socket.send(Buffer.from('hello\n'));
  await closed;
  assert.equal(got.split('\n').sort(), ['', 'err', 'ws hello']);
  const plain = await daemon.call('GET', `/containers/${id}/attach/ws`);
  assert.is(plain.status, 400);
});

test('logs: tail, since, until, timestamps, details, streams', async () => {
  const id = await s.run({
    Cmd: ['sh', '-c', 'for i in 1 2 3 4 5; do echo l$i; done; printf rest'],
    Labels: { a: 'x y' },
    HostConfig: { LogConfig: { Type: 'json-file', Config: { labels: 'a' } } },
  });
  await s.wait(id);
  assert.is(await text(id, ''), 'l1\nl2\nl3\nl4\nl5\nrest');
  assert.is(await text(id, 'tail=2'), 'l5\nrest');
  const other = await s.run({ Cmd: ['sh', '-c', 'echo E >&2'] }); // the order of two streams is nobody's promise
  await s.wait(other);
  assert.equal([await text(other, '', 'stderr'), await text(other, '')], ['E\n', '']);
  assert.is(
    await text(id, 'tail=all&details=1&timestamps=1').then((all) => all.split('\n')[0]?.replace(/^\S+/, 'T')),
    'T a=x+y l1',
  );
  const now = Date.now() / 1000;
  assert.is(await text(id, `since=${now - 3600}.5&tail=1`.replace(/(\.\d+)\.5/, '$1')), 'rest');
  assert.is(await text(id, `until=${Math.floor(now) - 3600}`), '');
  assert.is(await text(id, `since=${Math.floor(now) + 3600}`), '');
  const second = (await text(id, 'timestamps=1')).split('\n')[1]?.split(' ')[0] ?? '';
  const nanos = `${Math.floor(Date.parse(second) / 1000)}.${second.slice(20, 29)}`;
  assert.is(await text(id, `since=${nanos}`), 'l2\nl3\nl4\nl5\nrest', 'to the nanosecond');
  assert.is(await text(id, `until=${nanos}`), 'l1\nl2\n');
  const old = await daemon.call('GET', `/v1.41/containers/${id}/logs?stdout=1`);
  const recent = await daemon.call('GET', `/v1.42/containers/${id}/logs?stdout=1`);
  assert.equal(
    [old.headers['content-type'], recent.headers['content-type']],
    ['application/vnd.docker.raw-stream', 'application/vnd.docker.multiplexed-stream'],
  );
  const refused = await daemon.call('GET', `/containers/${id}/logs`);
  assert.equal([refused.status, refused.json()], [400, { message: 'Bad parameters: you must choose at least one stream' }]);
});

for (const driver of ['json-file', 'local']) {
  test(`${driver}: following goes to the end of the container, over rotations`, async () => {
    const config =
      driver === 'local' ? { 'max-size': '8k', 'max-file': '3' } : { 'max-size': '20k', 'max-file': '3', compress: 'true' };
    const id = await s.run({
      Cmd: ['sh', '-c', 'i=0; while [ $i -lt 1500 ]; do echo "line $i"; i=$((i+1)); [ $((i%100)) = 0 ] && sleep 0.02; done'],
      HostConfig: { LogConfig: { Type: driver, Config: config } },
    });
    const followed = text(id, 'follow=1');
    assert.is(await s.wait(id), 0);
    const lines = (await followed).trim().split('\n');
    assert.equal(
      lines,
      Array.from({ length: 1500 }, (_, index) => `line ${index}`),
    );
    const kept = (await text(id, '')).trim().split('\n');
    assert.ok(kept.length < 1500 && kept.at(-1) === 'line 1499', `${kept.length} lines are kept`);
    assert.equal(kept, lines.slice(-kept.length));
  });
}

test('stats: one with the sample before, a stream of them, and none of what does not run', async () => {
  const id = await s.run({ Cmd: ['sh', '-c', 'while :; do :; done'], HostConfig: { Memory: 64 << 20 } }, 'busy');
  interface Stats {
    name: string;
    read: string;
    pids_stats: { current: number };
    memory_stats: { usage: number; limit: number };
    cpu_stats: { cpu_usage: { total_usage: number }; system_cpu_usage: number; online_cpus: number };
    precpu_stats: { cpu_usage: { total_usage: number }; system_cpu_usage: number };
  }
  const one = await s.ok<Stats>('GET', `/containers/${id}/stats?stream=0`);
  assert.is(one.name, '/busy');
  assert.is(one.pids_stats.current, 1);
  assert.is(one.memory_stats.limit, 64 << 20);
  assert.ok(one.memory_stats.usage > 0);
  assert.ok(one.cpu_stats.cpu_usage.total_usage > one.precpu_stats.cpu_usage.total_usage);
  assert.ok(one.cpu_stats.system_cpu_usage > one.precpu_stats.system_cpu_usage && one.precpu_stats.system_cpu_usage > 0);
  await s.ok('DELETE', `/containers/${id}?force=1`);
  const idle = await s.create({ Cmd: ['true'] }, 'idle');
  assert.equal(await s.ok<Stats>('GET', `/containers/${idle}/stats?stream=0`).then(({ read, name }) => [read, name]), [
    '0001-01-01T00:00:00Z',
    '/idle',
  ]);
  assert.is((await daemon.call('GET', '/containers/nope/stats')).status, 404);
});

test('top: the columns of ps, only the processes of the container', async () => {
  const id = await s.run({ Cmd: ['sh', '-c', 'sleep 1000 & sleep 1001 & wait'] });
  const top = await poll(
    'both children',
    async () => {
      const seen = await s.ok<{ Titles: string[]; Processes: string[][] }>('GET', `/containers/${id}/top?ps_args=-o%20pid,args`);
      return seen.Processes.filter((row) => row[1]?.startsWith('sleep ')).length === 2 && seen; // forked and become sleep
    },
    { timeoutMs: 20_000 },
  );
  assert.equal(top.Titles, ['PID', 'COMMAND']);
  assert.equal(top.Processes.map((row) => row[1]).sort(), ['sh -c sleep 1000 & sleep 1001 & wait', 'sleep 1000', 'sleep 1001']);
  assert.is((await s.ok<{ Titles: string[] }>('GET', `/containers/${id}/top`)).Titles[0], 'UID');
  await s.ok('DELETE', `/containers/${id}?force=1`);
  const idle = await s.create({ Cmd: ['true'] });
  assert.is((await daemon.call('GET', `/containers/${idle}/top`)).status, 409);
});

test('a client that never reads holds its container only as long as it is there', async () => {
  const id = await s.create({ Cmd: ['sh', '-c', 'head -c 3000000 /dev/zero; echo done >&2'] });
  const stuck = await hijack(daemon.socket, `/containers/${id}/attach?stream=1&stdout=1`);
  stuck.socket.pause();
  await s.ok('POST', `/containers/${id}/start`);
  await sleep(300); // let it fill up; nothing hangs on how long
  stuck.socket.destroy();
  assert.is(await s.wait(id), 0);
});

test('after a restart of the daemon streams, logs and execs of a running container go on', async () => {
  const id = await s.run(
    { Cmd: ['sh', '-c', 'echo before; while read l; do echo "got $l"; done; exit 5'], OpenStdin: true },
    'lasting',
  );
  await poll('it speaks', async () => (await text(id, '')) === 'before\n', { timeoutMs: 20_000 });
  await daemon.kill();
  await daemon.start();
  const client = await hijack(daemon.socket, '/containers/lasting/attach?stream=1&stdin=1&stdout=1&logs=1');
  client.socket.write('again\n');
  await poll('the answer', () => client.bytes().length > 0 && demultiplex(client.bytes()).stdout === 'before\ngot again\n', {
    timeoutMs: 20_000,
  });
  assert.is(await s.sh('lasting', 'exit 7'), 7);
  await s.ok('POST', '/containers/lasting/kill');
  await client.ended;
  assert.is(await text(id, ''), 'before\ngot again\n');
});

test('a container on syslog sends its lines there', async () => {
  const { createServer } = await import('node:net');
  const received: string[] = [];
  const server = createServer((socket) => socket.on('data', (data) => received.push(data.toString())));
  const path = `${daemon.dir}/syslog.sock`;
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const LogConfig = {
    Type: 'syslog',
    Config: {
      'syslog-address': `unix://${path}`,
      'syslog-format': 'rfc5424micro',
      tag: '{{.Name}}',
      'syslog-facility': 'local3',
    },
  };
  const id = await s.run({ Cmd: ['sh', '-c', 'echo one; echo two >&2'], HostConfig: { LogConfig } }, 'sys');
  await s.wait(id);
  await poll('both lines', () => received.join('').split('\n').length === 3, { timeoutMs: 20_000 });
  const lines = received.join('').trim().split('\n').sort();
  assert.match(lines[0] ?? '', /^<155>1 \d{4}-\d\d-\d\dT[\d:]+\.\d{6}Z \S+ sys \d+ sys - two$/);
  assert.match(lines[1] ?? '', /^<158>1 \S+ \S+ sys \d+ sys - one$/);
  assert.is((await logs(id, 'stdout=1')).status, 501);
  server.close();
  const bad = await daemon.call('POST', '/containers/create', {
    body: { Image: 'busybox', HostConfig: { LogConfig: { Type: 'syslog', Config: { x: 'y' } } } },
  });
  assert.equal([bad.status, bad.json()], [400, { message: "unknown log opt 'x' for syslog log driver" }]);
});

test('the log file is what Docker writes', async () => {
  const id = await s.run({ Cmd: ['sh', '-c', 'printf "a\\tb\\n<x>"'] });
  await s.wait(id);
  const { LogPath } = await s.ok<{ LogPath: string }>('GET', `/containers/${id}/json`);
  const lines = readFileSync(LogPath, 'utf8').trim().split('\n');
  assert.match(lines[0] ?? '', /^\{"log":"a\\u0009b\\n","stream":"stdout","time":"\d{4}-\d\d-\d\dT[\d:]+(\.\d{1,9})?Z"\}$/);
  assert.match(lines[1] ?? '', /^\{"log":"\\u003cx\\u003e","stream":"stdout","time":/);
});

test.after(async () => {
  await s[Symbol.asyncDispose]();
});
test.run();
