import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { findByConfig, identify, isAlive, readRecord, signalProcess, writeRecord } from '../../../daemon/ctrd/process-record.ts';

test('a record is read as it was written, a missing one is none, a torn one asks to look for the process', () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'pouchd-record-'));
  const file = path.join(dir, 'record.json');
  assert.equal(readRecord(file), { state: 'none' });
  const record = { state: 'started', pid: 12, startTicks: '345', config: 'version = 2\n' } as const;
  writeRecord(file, record);
  assert.equal(readRecord(file), record);
  for (const torn of ['', '{"state":"sta', '{}', '[]', 'null']) {
    fs.writeFileSync(file, torn);
    assert.equal(readRecord(file), { state: 'starting' }, torn);
  }
  writeRecord(file, { state: 'none' });
  assert.equal(readRecord(file), { state: 'none' });
  fs.rmSync(dir, { recursive: true });
});

test('a process is known by pid and start time, so a reused pid is neither alive nor signalled', async () => {
  const config = path.join(os.tmpdir(), `pouchd-no-such-${process.pid}.toml`);
  const script = 'setInterval(() => {}, 1000); console.log("up")';
  const child = spawn(process.execPath, ['-e', script], { argv0: 'containerd', stdio: ['ignore', 'pipe', 'inherit'] });
  const other = spawn('/bin/sh', ['--config', config], { stdio: 'ignore' });
  await once(child.stdout, 'data');
  const identity = identify(child.pid ?? 0);
  assert.ok(identity && isAlive(identity));
  const reused = { ...identity, startTicks: '1' };
  assert.not.ok(isAlive(reused));
  signalProcess(reused, 'SIGKILL');
  assert.ok(isAlive(identity));
  const ended = once(child, 'exit');
  signalProcess(identity, 'SIGKILL');
  await ended;
  assert.not.ok(isAlive(identity));
  if (other.exitCode === null) await once(other, 'exit'); // sh refuses the option
  assert.is(findByConfig(config), undefined);
});

test.run();
