/** Exec over the API: streams, codes, refusals, events, and what is left afterwards. */
import { createHash, randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { poll } from '../../daemon/lib/deadline.ts';
import { demultiplex, hijack } from '../helpers/hijack.ts';
import { scratchContainers } from '../helpers/scratch-containers.ts';

const s = await scratchContainers();
const { daemon } = s;
const main = await s.run({ Cmd: ['sleep', '1000'], Env: ['A=container'], User: '' }, 'main');
interface ExecState {
  Running: boolean;
  ExitCode: number | null;
  Pid: number;
  ProcessConfig: object;
}
const inspect = (id: string) => s.ok<ExecState>('GET', `/exec/${id}/json`);

/** Runs a command with its output attached. */
async function attached(
  config: Record<string, unknown>,
  input?: Buffer | string,
): Promise<{ out: string; err: string; code: number | null }> {
  const id = await s.exec('main', { AttachStdout: true, AttachStderr: true, AttachStdin: input !== undefined, ...config });
  const stream = await hijack(daemon.socket, `/exec/${id}/start`, { body: {} });
  assert.is(stream.status, 101);
  stream.socket.end(input ?? '');
  const bytes = await stream.ended;
  const { ExitCode } = await inspect(id); // set the moment the stream ends
  if (config['Tty']) return { out: bytes.toString(), err: '', code: ExitCode };
  const { stdout, stderr } = demultiplex(bytes);
  return { out: stdout, err: stderr, code: ExitCode };
}

test('output, streams and exit code', async () => {
  const result = await attached({ Cmd: ['sh', '-c', 'echo o; echo e >&2; exit 33'] });
  assert.equal(result, { out: 'o\n', err: 'e\n', code: 33 });
});

test('user, folder, environment, terminal and its size', async () => {
  const result = await attached({
    Cmd: ['sh', '-c', 'id -un; pwd; echo $A $B; grep CapEff /proc/self/status'],
    User: 'nobody',
    WorkingDir: '/tmp',
    Env: ['B=exec'],
  });
  assert.is(result.out, 'nobody\n/tmp\ncontainer exec\nCapEff:\t0000000000000000\n');
  const tty = await attached({ Cmd: ['sh', '-c', 'tty; stty size; echo $TERM'], Tty: true, ConsoleSize: [21, 77] });
  assert.match(tty.out, /^\/dev\/pts\/\d+\r\n21 77\r\nxterm\r\n$/);
});

test('10 MB go in and out the same, the end of input is the end of stdin alone', async () => {
  const data = randomBytes(10_000_000);
  const result = await attached({ Cmd: ['sh', '-c', 'cat; echo late >&2'] }, data);
  assert.is(
    createHash('sha1').update(Buffer.from(result.out, 'latin1')).digest('hex'),
    createHash('sha1').update(data).digest('hex'),
  );
  assert.is(result.err, 'late\n');
});

test('a command that cannot run is told in the stream, with 126 or 127', async () => {
  const missing = await attached({ Cmd: ['/nope'] });
  assert.match(missing.out, /^OCI runtime exec failed: .*"\/nope": stat \/nope: no such file or directory: unknown\r\n$/);
  assert.is(missing.code, 127);
  assert.is((await attached({ Cmd: ['/etc'] })).code, 126);
  const user = await attached({ Cmd: ['true'], User: 'nosuch' });
  assert.equal(user, { out: 'unable to find user nosuch: no matching entries in passwd file\r\n', err: '', code: 126 });
});

test('without an upgrade the stream is plain, and the same', async () => {
  const id = await s.exec('main', { Cmd: ['echo', 'plain'], AttachStdout: true });
  const stream = await hijack(daemon.socket, `/exec/${id}/start`, { body: {}, plain: true });
  assert.is(stream.status, 200);
  assert.match(stream.header, /application\/vnd\.docker\.raw-stream/);
  assert.is(demultiplex(await stream.ended).stdout, 'plain\n');
});

test('detached execs run, can be resized and inspected', async () => {
  const id = await s.exec('main', {
    Cmd: ['sh', '-c', 'while ! stty size | grep -q "30 60"; do sleep 0.05; done; exit 4'],
    Tty: true,
  });
  assert.equal(await inspect(id).then(({ Running, ExitCode }) => [Running, ExitCode]), [false, null]);
  await s.ok('POST', `/exec/${id}/start`, { Detach: true, Tty: true });
  assert.ok((await inspect(id)).Pid > 0);
  await s.ok('POST', `/exec/${id}/resize?h=30&w=60`);
  const ended = await poll('it ends', async () => await inspect(id).then((one) => (one.Running ? undefined : one)), {
    timeoutMs: 20_000,
  });
  assert.is(ended.ExitCode, 4);
});

test('refusals have the status and text of Docker', async () => {
  const used = await s.exec('main', { Cmd: ['true'] });
  await s.ok('POST', `/exec/${used}/start`, { Detach: true });
  await poll('it ended', async () => (await inspect(used)).ExitCode === 0, { timeoutMs: 20_000 });
  const stopped = await s.run({ Cmd: ['true'] }, 'stopped');
  await s.wait(stopped);
  await s.run({ Cmd: ['sleep', '1000'] }, 'paused');
  const early = await s.exec('paused', { Cmd: ['true'] });
  await s.ok('POST', '/containers/paused/pause');
  const table: [string, string, unknown, number, string][] = [
    ['POST', '/containers/nope/exec', { Cmd: ['true'] }, 404, 'No such container: nope'],
    ['POST', '/containers/main/exec', {}, 400, 'No exec command specified'],
    ['POST', '/containers/main/exec', { Cmd: ['x'], DetachKeys: 'shift-a' }, 400, 'Invalid escape keys (shift-a) provided'],
    ['POST', '/containers/stopped/exec', { Cmd: ['true'] }, 409, `Container ${stopped} is not running`],
    ['POST', '/containers/paused/exec', { Cmd: ['true'] }, 409, 'Container paused is paused, unpause the container before exec'],
    ['POST', `/exec/${early}/start`, {}, 409, 'Container paused is paused, unpause the container before exec'],
    ['POST', `/exec/${used}/start`, {}, 409, `Error: Exec command ${used} has already run`],
    ['POST', '/exec/nope/start', {}, 404, 'No such exec instance: nope'],
    ['GET', '/exec/nope/json', undefined, 404, 'No such exec instance: nope'],
    ['POST', '/containers/stopped/resize?h=1&w=1', undefined, 409, `Container ${stopped} is not running`],
  ];
  for (const [method, path, body, status, message] of table) {
    const answer = await daemon.call(method, path, { body });
    assert.equal([answer.status, answer.json()], [status, { message }], `${method} ${path}`);
  }
  await s.ok('POST', '/containers/paused/unpause');
  await s.ok('DELETE', '/containers/paused?force=1');
});

test('events, inspect and the end of a container', async () => {
  const id = await s.run({ Cmd: ['sleep', '1000'] }, 'ending');
  const since = Math.floor(Date.now() / 1000) - 1;
  const exec = await s.exec(id, { Cmd: ['sh', '-c', 'sleep 1000'], AttachStdout: true });
  const stream = await hijack(daemon.socket, `/exec/${exec}/start`, { body: {} });
  await poll('it runs', async () => (await inspect(exec)).Running, { timeoutMs: 20_000 });
  const { ExecIDs } = await s.ok<{ ExecIDs: string[] | null }>('GET', `/containers/${id}/json`);
  assert.equal(ExecIDs, [exec]);
  await s.ok('POST', `/containers/${id}/kill`);
  await stream.ended; // the exec dies with the container, its client is let go
  assert.is((await inspect(exec)).ExitCode, 137);
  await s.ok('DELETE', `/containers/${id}?force=1`);
  await poll('forgotten', async () => (await daemon.call('GET', `/exec/${exec}/json`)).status === 404, { timeoutMs: 20_000 });
  const until = Math.floor(Date.now() / 1000) + 1;
  const { text } = await daemon.call(
    'GET',
    `/events?since=${since}&until=${until}&filters=${encodeURIComponent(JSON.stringify({ container: [id] }))}`,
  );
  const actions = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).Action as string);
  for (const action of ['exec_create: sh -c sleep 1000', 'exec_start: sh -c sleep 1000', 'exec_die'])
    assert.ok(actions.includes(action), `${action} in ${actions}`);
});

test('execs outlive a daemon that is killed: their output is read on, their end is told, nothing stays', async () => {
  const id = await s.exec('main', {
    Cmd: ['sh', '-c', 'until [ -f /go ]; do sleep 0.05; done; head -c 1000000 /dev/zero; touch /gone; exit 3'],
  });
  await s.ok('POST', `/exec/${id}/start`, { Detach: true });
  const short = await s.exec('main', { Cmd: ['sh', '-c', 'touch /short; exec sleep 0.2'] });
  await s.ok('POST', `/exec/${short}/start`, { Detach: true });
  assert.is(await s.sh('main', 'until [ -f /short ]; do sleep 0.02; done'), 0);
  await daemon.kill();
  await daemon.start();
  const again = await poll(
    'it is known again',
    async () => {
      const answer = await daemon.call('GET', `/exec/${id}/json`);
      return answer.status === 200 && answer.json<ExecState>();
    },
    { timeoutMs: 20_000 },
  );
  assert.is(again.Running, true);
  assert.is(await s.sh('main', 'touch /go; until [ -f /gone ]; do sleep 0.02; done'), 0);
  await poll('its end is seen', async () => (await inspect(id)).ExitCode === 3, { timeoutMs: 20_000 });
});

test('nothing is left of ended execs', async () => {
  await poll(
    'only the fifos of the container are left',
    async () => {
      const names = await readdir(join(daemon.state, 'containers', main));
      return names.every((name) => name.startsWith(main)) && names;
    },
    { timeoutMs: 20_000 },
  );
});

test.after(async () => {
  await s[Symbol.asyncDispose]();
});
test.run();
