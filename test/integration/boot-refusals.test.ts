import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { run } from '../../daemon/lib/process.ts';

const main = resolve(import.meta.dirname, '../../daemon/boot/main.ts');

/** Runs the daemon's command line to its end; it must not start. What it sets up before it gives up goes with its network namespace. */
function pouchd(args: string[]) {
  const env = { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1' };
  return run('unshare', ['--net', process.execPath, main, ...args], { allowFailure: true, timeoutMs: 60_000, env });
}

test('what is wrong on the command line or in the file ends the start with a line that names it', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'boot-'));
  try {
    const file = join(dir, 'c.json');
    writeFileSync(file, '{"debug":true,"hosts":["unix:///x"]}');
    writeFileSync(join(dir, 'bad.json'), '{"bridge":{"mut":1}}');
    const cases: [string[], number, string][] = [
      [['--rot', '/x'], 2, 'unknown flag --rot (did you mean --root?)'],
      [['--config', file, '--debug'], 2, 'debug is given twice: as flag --debug and in config file'],
      [['--config', join(dir, 'bad.json')], 2, 'unknown key "bridge.mut" (did you mean "bridge.mtu"?)'],
      [['start'], 2, 'unknown command start'],
      [['plugins', '--order', 'nix'], 2, 'no hook point nix; points are daemon.preStartHook'],
    ];
    for (const [args, code, text] of cases) {
      const { exitCode, stderr } = await pouchd(args);
      assert.equal([exitCode, stderr.includes(text)], [code, true], `${args.join(' ')}: ${stderr}`);
    }
    const help = await pouchd(['--help']);
    assert.equal([help.exitCode, help.stdout.includes('--insecure-registry HOST')], [0, true]);
    assert.equal(JSON.parse((await pouchd(['plugins', '--json'])).stdout), []);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test('an address that would open the machine to all, and a required plugin that is missing, end the start', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'boot-'));
  try {
    const file = join(dir, 'c.json');
    writeFileSync(file, '{}');
    const own = ['--config', file, '--root', join(dir, 'r'), '--state', join(dir, 's')];
    const open = await pouchd([...own, '-H', 'tcp://0.0.0.0:0']);
    assert.equal(
      [open.exitCode, /tcp:\/\/0\.0\.0\.0:0 is reachable from other machines and has no TLS/.test(open.stderr)],
      [2, true],
      open.stderr,
    );
    const missing = await pouchd([...own, '-H', `unix://${dir}/x.sock`, '--required-plugin', 'io.pouchd.volume.v1.zfs']);
    assert.equal(
      [missing.exitCode, missing.stderr.includes('required plugins not included: io.pouchd.volume.v1.zfs')],
      [1, true],
      missing.stderr,
    );
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test.run();
