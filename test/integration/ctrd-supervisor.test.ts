import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { identify, isAlive } from '../../daemon/ctrd/process-record.ts';
import { ContainerdSupervisor } from '../../daemon/ctrd/supervisor.ts';
import { poll } from '../../daemon/lib/deadline.ts';
import { startContainerd } from '../helpers/containerd.ts';
import { recordingLog } from '../helpers/recording-log.ts';
import { rejects } from '../helpers/rejects.ts';

const timeoutMs = 30_000;

/** A daemon to be killed: it starts the room in `dir` and prints containerd's pid. */
async function startVictim(dir: string): Promise<{ child: ChildProcess; containerdPid: number }> {
  const helper = path.join(import.meta.dirname, '../helpers/containerd.ts');
  const script = `const { startContainerd } = await import(${JSON.stringify(helper)});
    const ctrd = await startContainerd({ dir: ${JSON.stringify(dir)} });
    await ctrd.client.leases.create({ id: 'kept' });
    console.log(ctrd.supervisor.pid);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const pid = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (chunk) => resolve(String(chunk)));
    child.once('exit', () => reject(new Error('the victim ended by itself')));
  });
  return { child, containerdPid: Number(pid) };
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = once(child, 'close');
  child.kill('SIGKILL');
  await ended;
}

test('containerd that is killed comes back: calls wait for it, events go on, the rooms are told once', async () => {
  await using ctrd = await startContainerd();
  const { client, supervisor, events } = ctrd;
  await events.ready();
  await client.leases.create({ id: 'before' });
  let reconnects = 0;
  supervisor.onReconnect(() => reconnects++);
  const resynced = new Promise<void>((resolve) => events.onResync(resolve));
  const first = supervisor.pid;
  assert.ok(first);
  process.kill(first, 'SIGKILL');
  await poll('the supervisor to notice', () => supervisor.pid !== first, { timeoutMs });
  const { leases } = await client.leases.list({});
  assert.equal(
    leases.map((one) => one.id),
    ['before'],
  );
  await resynced;
  assert.is(reconnects, 1);
  assert.ok(supervisor.pid && supervisor.pid !== first);
});

test('a stop leaves no process, no record, and a later start works', async () => {
  await using ctrd = await startContainerd();
  const left = identify(ctrd.supervisor.pid ?? 0);
  assert.ok(left);
  await ctrd.close();
  assert.not.ok(isAlive(left));
  assert.not.ok(fs.existsSync(path.join(ctrd.dir, 'state/containerd/containerd.json')));
  await rejects(ctrd.client.version.version({}), 'containerd has been stopped');
  const again = await startContainerd({ dir: ctrd.dir });
  assert.ok((await again.client.version.version({})).version);
  await again.close();
});

test('a daemon that was killed leaves containerd to the next one, which takes it over and stops it in the end', async () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'pouchd-ctrd-'));
  const victim = await startVictim(dir);
  const left = identify(victim.containerdPid);
  assert.ok(left);
  await kill(victim.child);
  assert.ok(isAlive(left));
  {
    await using ctrd = await startContainerd({ dir });
    assert.is(ctrd.supervisor.pid, victim.containerdPid);
    assert.equal(
      (await ctrd.client.leases.list({})).leases.map((one) => one.id),
      ['kept'],
    );
    // It is no child of ours, and its death is seen all the same.
    process.kill(left.pid, 'SIGKILL');
    await poll('the supervisor to notice', () => ctrd.supervisor.pid !== left.pid, { timeoutMs });
    assert.is((await ctrd.client.leases.list({})).leases.length, 1);
  }
  assert.not.ok(isAlive(left));
});

test('a left-over containerd is found without a record, and one with another configuration is replaced', async () => {
  for (const spoil of [
    (record: string) => fs.writeFileSync(record, '{"state":"star'),
    (record: string) => fs.writeFileSync(record, fs.readFileSync(record, 'utf8').replace('version = 2', '#\\nversion = 2')),
  ]) {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'pouchd-ctrd-'));
    const victim = await startVictim(dir);
    const left = identify(victim.containerdPid);
    assert.ok(left);
    await kill(victim.child);
    spoil(path.join(dir, 'state/containerd/containerd.json'));
    await using ctrd = await startContainerd({ dir });
    assert.not.ok(isAlive(left));
    assert.is.not(ctrd.supervisor.pid, left.pid);
    assert.is((await ctrd.client.leases.list({})).leases.length, 1);
  }
});

test('a containerd that cannot start is told with its last words, a missing one by name', async () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'pouchd-ctrd-'));
  const base = {
    root: path.join(dir, 'root'),
    state: path.join(dir, 'state'),
    debug: false,
    proxyPlugins: {},
    streamProcessors: {},
  };
  const failing = path.join(dir, 'failing');
  fs.writeFileSync(failing, '#!/bin/sh\necho "my last words" >&2\nexit 3\n', { mode: 0o755 });
  for (const [binary, said] of [
    [failing, /ended while starting \(3\): my last words/],
    ['/nonexistent/containerd', /cannot start containerd \(\/nonexistent\/containerd\)/],
  ] as const) {
    const supervisor = new ContainerdSupervisor({ ...base, binary, log: recordingLog() });
    const ready = supervisor.ready();
    supervisor.start();
    const error = await rejects(ready, said);
    assert.is(error.kind, 'unavailable');
    await supervisor.stop();
  }
  fs.rmSync(dir, { recursive: true });
});

test('a running containerd of others is used and left alone', async () => {
  await using theirs = await startContainerd();
  const ours = await startContainerd({ socket: theirs.supervisor.socket, namespace: 'ours' });
  await ours.events.ready();
  await ours.client.leases.create({ id: 'ours' });
  assert.is(ours.supervisor.pid, undefined);
  await ours[Symbol.asyncDispose]();
  assert.is((await theirs.client.leases.list({}, { namespace: 'ours' })).leases.length, 1);
});

test.run();
