import { mkdtempDisposable, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import packageJson from '../../../hookplugins/daemonplugin/package.json' with { type: 'json' };
import { testPlugin } from '../../../hookplugins/testing.ts';
import { rejects } from '../../helpers/rejects.ts';

const load = () => import('../../../hookplugins/daemonplugin/index.ts');
const plugin = (config: Record<string, unknown>) => testPlugin(load, { config, package: packageJson });

async function until<T>(what: string, probe: () => T | Promise<T>): Promise<NonNullable<T>> {
  for (const deadline = Date.now() + 20_000; ; await sleep(5)) {
    const found = await probe();
    if (found) return found;
    assert.ok(Date.now() < deadline, `waited for ${what}`);
  }
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

test('the assistant starts with the daemon, its output is logged, and it stops with the daemon', async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'pouchd-assistant-'));
  const script = `trap 'echo "bye" > ${dir.path}/bye; exit 0' TERM; echo "hello $WORD"; while :; do sleep 0.01; done`;
  const one = await plugin({ command: ['/bin/sh', '-c', script], env: { WORD: 'world' } });
  await one.call('daemon.preStartHook');
  await until('its output', () => one.log.some((line) => line.message === 'assistant' && line.fields['line'] === 'hello world'));
  assert.equal(await one.call('daemon.health'), [{ name: 'assistant', healthy: true, message: '0 restarts' }]);
  const pid = one.log.find((line) => line.message === 'assistant started')?.fields['pid'] as number;
  await one.call('daemon.preStopHook');
  assert.is(isAlive(pid), false);
  assert.is(await readFile(join(dir.path, 'bye'), 'utf8'), 'bye\n');
  assert.equal(await one.call('daemon.health'), []);
});

test('it is started again when it ends, and its stop ends a restart that is due', async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'pouchd-assistant-'));
  const count = join(dir.path, 'count');
  await writeFile(count, '');
  const one = await plugin({ command: ['/bin/sh', '-c', `echo x >> ${count}; exit 7`], minBackoffMs: 1, maxBackoffMs: 4 });
  await one.call('daemon.preStartHook');
  await until('three runs', async () => (await readFile(count, 'utf8')).length >= 6);
  await one.call('daemon.preStopHook');
  assert.ok(one.log.some((line) => line.message === 'assistant ended, starting it again' && line.fields['outcome'] === 7));
  const runs = one.log.filter((line) => line.message === 'assistant started').length;
  await sleep(20);
  assert.is(one.log.filter((line) => line.message === 'assistant started').length, runs);
});

test('one that does not listen to SIGTERM is killed, with the children it started', async () => {
  const one = await plugin({
    command: ['/bin/sh', '-c', `trap '' TERM; sleep 1000 & echo "child $!"; while :; do sleep 0.01; done`],
    stopTimeoutSeconds: 0.05,
  });
  await one.call('daemon.preStartHook');
  const line = await until('its child', () => one.log.find((each) => String(each.fields['line']).startsWith('child ')));
  await one.call('daemon.preStopHook');
  await until('the end of its child', () => !isAlive(Number(String(line.fields['line']).slice(6))));
});

test('a program that is not there stops the start and is named; no command is a warning', async () => {
  await rejects(
    (await plugin({ command: ['/nowhere/agent'] })).call('daemon.preStartHook'),
    /assistant \/nowhere\/agent cannot be started: .*ENOENT/,
  );
  const idle = await plugin({});
  await idle.call('daemon.preStartHook');
  assert.equal(
    idle.log.map((line) => [line.level, line.message]),
    [['warn', 'no assistant is configured']],
  );
  await idle.call('daemon.preStopHook');
});

test('a reload with another command restarts it, with the same it stays', async () => {
  const command = (word: string) => ['/bin/sh', '-c', `echo ${word}; exec sleep 1000`];
  const first = await plugin({ command: command('first') });
  await first.call('daemon.preStartHook');
  await first.call('daemon.configReload', {});
  assert.is(first.log.filter((line) => line.message === 'assistant started').length, 1);
  const second = await plugin({ command: command('second') });
  await second.call('daemon.configReload', {});
  await until('the other one', () => second.log.find((line) => line.fields['line'] === 'second'));
  const pid = first.log.find((line) => line.message === 'assistant started')?.fields['pid'] as number;
  assert.is(isAlive(pid), false);
  await second.call('daemon.preStopHook');
});

test.run();
