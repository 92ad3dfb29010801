import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { barrierName } from '../../../daemon/containers/barrier.ts';
import { nextHealth } from '../../../daemon/containers/health.ts';
import { layersOf, readInLayers, resolveInLayers } from '../../../daemon/containers/layers.ts';
import { nextDelayMs } from '../../../daemon/containers/restart-policy.ts';
import { startFailure } from '../../../daemon/containers/run-errors.ts';
import { sortEntries } from '../../../daemon/containers/start-network.ts';
import { createdState, setExited, setRunning } from '../../../daemon/containers/state.ts';
import { humanDuration, statusText } from '../../../daemon/containers/status-text.ts';
import { resolveUser } from '../../../daemon/containers/user.ts';
import { internal, kindOf } from '../../../daemon/errors/error.ts';
import { nowText } from '../../../daemon/lib/time.ts';
import type { HealthState } from '../../../daemon/types/docker/container.ts';

test('prestart entries are sorted by descending priority, stable, the network first among those of 0', () => {
  const entry = (name: string, priority: number) => ({ path: '/x', args: [name], priority });
  const sorted = sortEntries([entry('a', -4), entry('b', 10), entry('c', 0), entry('d', 10), entry(barrierName, 0)]);
  assert.equal(
    sorted.map((one) => one.args[0]),
    ['b', 'd', barrierName, 'c', 'a'],
  );
});

test('the back-off of restarts doubles from 100 ms to a minute and starts over after ten seconds', () => {
  assert.equal(
    [nextDelayMs(0, 5), nextDelayMs(100, 5), nextDelayMs(51_200, 5), nextDelayMs(60_000, 5), nextDelayMs(800, 10_000)],
    [100, 200, 60_000, 60_000, 100],
  );
});

test('the words of the runtime become the exit codes and errors of Docker', () => {
  const of = (text: string) => {
    const { exitCode, error } = startFailure(internal(text));
    return [exitCode, kindOf(error), error.message.endsWith(': unknown')];
  };
  const lead = 'failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: ';
  assert.equal(of(`${lead}exec: "/no": stat /no: no such file or directory`), [127, 'invalidArgument', true]);
  assert.equal(of(`${lead}exec: "no": executable file not found in $PATH: unknown`), [127, 'invalidArgument', true]);
  assert.equal(of(`${lead}exec: "/etc": is a directory`), [126, 'invalidArgument', true]);
  assert.equal(of(`${lead}exec: "/f": permission denied`), [126, 'invalidArgument', true]);
  assert.equal(of('driver failed programming external connectivity: port is already allocated'), [128, 'internal', false]);
});

test('health: failures count up to the retries, not in the start period; five results are kept', () => {
  const result = (ExitCode: number) => ({ Start: '', End: '', ExitCode, Output: '' });
  let health: HealthState = { Status: 'starting', FailingStreak: 0, Log: [] };
  health = nextHealth(health, { entry: result(1), retries: 2, inStartPeriod: true });
  assert.equal([health.Status, health.FailingStreak], ['starting', 0]);
  const seen: string[] = [];
  for (const code of [1, 1, 1, 0, 1]) {
    health = nextHealth(health, { entry: result(code), retries: 2, inStartPeriod: false });
    seen.push(health.Status);
  }
  assert.equal(seen, ['starting', 'unhealthy', 'unhealthy', 'healthy', 'healthy']);
  assert.equal([health.FailingStreak, health.Log.length], [1, 5]);
});

test('the status text of the list', () => {
  assert.equal([0, 1_000, 45_000, 60_000, 3_000_000, 3_600_000, 86_400_000 * 3, 86_400_000 * 20].map(humanDuration), [
    'Less than a second',
    '1 second',
    '45 seconds',
    'About a minute',
    '50 minutes',
    'About an hour',
    '3 days',
    '2 weeks',
  ]);
  const state = createdState();
  const texts = [statusText(state, 0)];
  setRunning(state, { pid: 12, startedAt: nowText() });
  state.Health = { Status: 'healthy', FailingStreak: 0, Log: [] };
  texts.push(statusText(state, Date.parse(state.StartedAt) + 5_000));
  setExited(state, { exitCode: 3, at: '2026-01-01T00:00:00Z', oomKilled: false, restarting: false });
  texts.push(statusText(state, Date.parse('2026-01-01T00:00:09Z')));
  assert.equal(texts, ['Created', 'Up 5 seconds (healthy)', 'Exited (3) 9 seconds ago']);
});

test('users and groups by the files of the image', () => {
  const files: Record<string, string> = {
    '/etc/passwd': 'root:x:0:0::/root:/bin/sh\nbob:x:1000:1001::/home/bob:\n',
    '/etc/group': 'wheel:x:10:root,bob\nstaff:x:50:\n',
  };
  const look = (user: string, groups: string[] = []) => {
    const { uid, gid, additionalGids } = resolveUser(user, groups, (path) => files[path]);
    return [uid, gid, additionalGids];
  };
  assert.equal(look(''), [0, 0, [0, 10]]);
  assert.equal(look('bob', ['staff', '99']), [1000, 1001, [1001, 10, 50, 99]]);
  assert.equal(look('1234:5678'), [1234, 5678, [5678]]);
  assert.equal(look('bob:staff'), [1000, 50, [50]]);
  assert.throws(() => look('eve'), /unable to find user eve: no matching entries in passwd file/);
  assert.throws(() => look('bob:nope'), /unable to find group nope: no matching entries in group file/);
});

test('a root is read from its layers: the topmost file, links inside the root only', () => {
  const dir = mkdtempSync(join(tmpdir(), 'layers-'));
  try {
    for (const layer of ['up', 'low']) mkdirSync(join(dir, layer, 'etc'), { recursive: true });
    writeFileSync(join(dir, 'low/etc/passwd'), 'low');
    writeFileSync(join(dir, 'up/etc/passwd'), 'up');
    writeFileSync(join(dir, 'low/etc/group'), 'group');
    symlinkSync('/etc/group', join(dir, 'up/etc/link'));
    symlinkSync('../../../../../../etc/passwd', join(dir, 'up/etc/escape'));
    symlinkSync('/etc/loop', join(dir, 'up/etc/loop'));
    const layers = layersOf([
      { type: 'overlay', source: 'overlay', target: '', options: [`lowerdir=${dir}/low`, `upperdir=${dir}/up`, 'workdir=/w'] },
    ])!;
    assert.equal(
      ['/etc/passwd', '/etc/group', '/etc/link', '/etc/escape', '/etc/loop', '/nope'].map((path) => readInLayers(layers, path)),
      ['up', 'group', 'group', 'up', undefined, undefined],
    );
    assert.ok(resolveInLayers(layers, '/etc')?.stats.isDirectory());
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test.run();
