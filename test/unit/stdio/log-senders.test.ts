import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { poll } from '../../../daemon/lib/deadline.ts';
import { silentLogger } from '../../../daemon/lib/log.ts';
import type { LogEntry, LogRequest } from '../../../daemon/stdio/contract.ts';
import { openJournald } from '../../../daemon/stdio/log/journald.ts';
import { openSyslog } from '../../../daemon/stdio/log/syslog.ts';
import { syslogAddress, syslogFacility, syslogFormatter } from '../../../daemon/stdio/log/syslog-format.ts';
import { rejects } from '../../helpers/rejects.ts';

const request = (config: Record<string, string>): LogRequest => ({
  type: 'syslog',
  config,
  containerId: 'c'.repeat(64),
  containerName: 'web',
  imageId: 'sha256:d',
  imageName: 'busybox',
  labels: { team: 'core' },
  env: [],
  createdAt: '',
  dir: '',
});
const entry = (text: string, stream: LogEntry['stream'] = 'stdout'): LogEntry => ({
  stream,
  timeNano: 1_700_000_000_123_456_789n,
  line: Buffer.from(text),
});

test('syslog formats', () => {
  const header = { hostname: 'host', tag: 'tag', pid: 7 };
  const message = { priority: 30, time: new Date(2024, 0, 2, 3, 4, 5), nano: 1_700_000_000_123_456_789n, text: 'hello' };
  assert.is(syslogFormatter(undefined)(header, message), '<30>Jan  2 03:04:05 tag[7]: hello');
  assert.is(syslogFormatter('rfc3164')(header, message), '<30>Jan  2 03:04:05 host tag[7]: hello');
  const utc = { ...message, time: new Date(1_700_000_000_123) };
  assert.is(syslogFormatter('rfc5424')(header, utc), '<30>1 2023-11-14T22:13:20Z host tag 7 tag - hello');
  assert.is(syslogFormatter('rfc5424micro')(header, utc), '<30>1 2023-11-14T22:13:20.123456Z host tag 7 tag - hello');
  assert.throws(() => syslogFormatter('odd'), 'Invalid syslog format');
});

test('syslog facilities and addresses', () => {
  assert.equal([undefined, 'kern', 'local7', '5'].map(syslogFacility), [3, 0, 23, 5]);
  for (const bad of ['odd', '24']) assert.throws(() => syslogFacility(bad), 'invalid syslog facility');
  assert.equal(syslogAddress('tcp://1.2.3.4:99'), { type: 'tcp', host: '1.2.3.4', port: 99 });
  assert.equal(syslogAddress('udp://[::1]'), { type: 'udp', host: '::1', port: 514 });
  assert.equal(syslogAddress('tcp+tls://h:6514'), { type: 'tls', host: 'h', port: 6514 });
  assert.equal(syslogAddress('unix:///x/y'), { type: 'unix', path: '/x/y', datagram: false });
  assert.throws(() => syslogAddress('http://x'), 'syslog-address should be in form proto://address, got http://x');
  assert.throws(() => syslogAddress('nonsense'), 'syslog-address should be in form proto://address, got nonsense');
});

test('udp: one datagram a line, by severity', async () => {
  const server = createSocket('udp4');
  const got: string[] = [];
  server.on('message', (data) => got.push(data.toString()));
  server.bind(0, '127.0.0.1');
  await once(server, 'listening');
  const log = await openSyslog(
    request({ 'syslog-address': `udp://127.0.0.1:${server.address().port}`, tag: '{{.Name}}/{{.ImageName}}' }),
    silentLogger,
  );
  log.write(entry('out\n'));
  log.write(entry('err\n', 'stderr'));
  await log.close();
  await poll('both', () => got.length === 2, { timeoutMs: 10_000 });
  server.close();
  assert.match(got.sort()[1] ?? '', /^<30>\w{3} [ \d]\d [\d:]{8} web\/busybox\[\d+\]: out\n$/);
  assert.match(got[0] ?? '', /^<27>.*: err\n$/);
});

test('tcp: a server that was away gets the lines later, none twice', async () => {
  let received = '';
  let sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('data', (data) => (received += data.toString()));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const log = await openSyslog(request({ 'syslog-address': `tcp://127.0.0.1:${port}` }), silentLogger);
  log.write(entry('first\n'));
  await poll('the first', () => received.includes(': first\n'), { timeoutMs: 10_000 });
  for (const socket of sockets) socket.destroy();
  sockets = [];
  await poll('connected again', () => sockets.length === 1, { timeoutMs: 10_000 });
  log.write(entry('second\n'));
  await poll('the second', () => received.includes(': second\n'), { timeoutMs: 10_000 });
  assert.is(received.split('\n').length, 3);
  await log.close();
  server.close();
  await rejects(
    openSyslog(request({ 'syslog-address': `tcp://127.0.0.1:${port}` }), silentLogger),
    'cannot connect to the syslog server',
  );
});

test('journald: a missing journal is told, entries come in its native protocol over a datagram socket', async () => {
  await rejects(openJournald(request({}), silentLogger, '/nonexistent/socket'), 'journald is not enabled on this host');
  const dir = await mkdtemp(join(tmpdir(), 'pouchd-journal-'));
  const path = join(dir, 'socket');
  // Node has no datagram sockets of this family: perl listens, and prints each datagram in hexadecimal.
  const program =
    '$|=1; use Socket; socket(S,AF_UNIX,SOCK_DGRAM,0); bind(S,sockaddr_un($ARGV[0])); while(1){recv(S,my $m,65536,0);print unpack("H*",$m),"\\n"}';
  const listener = spawn('perl', ['-e', program, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  listener.stdout.on('data', (data: Buffer) => (printed += data.toString()));
  await poll('the socket', () => existsSync(path), { timeoutMs: 10_000 });
  const log = await openJournald(request({ tag: '{{.Name}}', labels: 'team' }), silentLogger, path);
  log.write(entry('hello\n', 'stderr'));
  log.write(entry('two\nlines'));
  await log.close();
  await poll('two datagrams', () => printed.split('\n').length === 3, { timeoutMs: 10_000 });
  listener.kill();
  await once(listener, 'exit');
  await rm(dir, { recursive: true });
  const [first = '', second = ''] = printed.split('\n').map((line) => Buffer.from(line, 'hex').toString('latin1'));
  for (const field of [
    'MESSAGE=hello\n',
    'PRIORITY=3\n',
    `CONTAINER_ID_FULL=${'c'.repeat(64)}\n`,
    'CONTAINER_NAME=web\n',
    'CONTAINER_TAG=web\n',
    'TEAM=core\n',
  ])
    assert.ok(first.includes(field), field);
  assert.ok(second.startsWith('MESSAGE\n\x09\0\0\0\0\0\0\0two\nlines\nPRIORITY=6\n'), second);
  assert.ok(second.includes('CONTAINER_PARTIAL_MESSAGE=true\n'));
});

test.run();
