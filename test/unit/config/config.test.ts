import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfig } from '../../../daemon/config/file.ts';
import { parseFlags } from '../../../daemon/config/flags.ts';
import { socketGroup } from '../../../daemon/config/group.ts';
import { helpText } from '../../../daemon/config/help.ts';
import { defaultConfig, loadConfig, reloadConfig } from '../../../daemon/config/load.ts';
import type { Option } from '../../../daemon/config/option.ts';
import { options } from '../../../daemon/config/options.ts';
import { rejects } from '../../helpers/rejects.ts';

async function withFiles(files: Record<string, string>, work: (dir: string) => void | Promise<void>): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'config-'));
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
    await work(dir);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

const load = (args: string[], dir: string) => loadConfig(parseFlags([...args, '--config', join(dir, 'c.json')])).config;

test('flags and the file fill one configuration, the rest has defaults', async () => {
  const file = JSON.stringify({
    debug: true,
    bridge: { mtu: 1400, icc: false },
    plugins: { a: { x: 1 } },
    defaultShmSizeBytes: 1024,
  });
  await withFiles({ 'c.json': file }, (dir) => {
    const args = [
      '-H',
      'unix:///a',
      '-Htcp://127.0.0.1:1',
      '--root=/r',
      '--ip-masq=false',
      '--log-opt',
      'max-size=1m',
      '--log-opt',
      'tag=x=y',
    ];
    assert.equal(load(args, dir), {
      ...defaultConfig(),
      hosts: ['unix:///a', 'tcp://127.0.0.1:1'],
      root: '/r',
      logOpts: { 'max-size': '1m', tag: 'x=y' },
      debug: true,
      bridge: { ...defaultConfig().bridge, mtu: 1400, icc: false, ipMasq: false },
      plugins: { a: { x: 1 } },
      defaultShmSizeBytes: 1024,
    });
  });
});

test("Docker's spelling of a daemon.json is understood", () => {
  const text = JSON.stringify({
    'live-restore': true,
    'data-root': '/d',
    'insecure-registries': ['a:5000'],
    bip: '10.1.0.1/16',
    'default-shm-size': '64M',
    runtimes: { kata: { path: '/k', runtimeArgs: ['-x'] } },
    'log-opts': { 'max-size': '1m' },
  });
  assert.equal(Object.fromEntries(parseConfig(text, 'daemon.json')), {
    root: '/d',
    insecureRegistries: ['a:5000'],
    'bridge.bip': '10.1.0.1/16',
    defaultShmSizeBytes: 64 << 20,
    runtimes: { kata: { path: '/k', args: ['-x'] } },
    logOpts: { 'max-size': '1m' },
  });
});

test('what is wrong on the command line is named, with the flag that was meant', async () => {
  const cases: [string[], string][] = [
    [['--rot', '/x'], 'unknown flag --rot (did you mean --root?)'],
    [['--root'], 'flag --root needs a value'],
    [['--root', '/a', '--root', '/b'], 'flag --root is given twice'],
    [['--debug', '--debug'], 'flag --debug is given twice'],
    [['--config', 'a', '--config', 'b'], 'flag --config is given twice'],
    [['--log-opt', 'a=1', '--log-opt', 'a=2'], 'flag --log-opt gives a twice'],
    [['--log-opt', 'a'], 'flag --log-opt: must be KEY=VALUE, not "a"'],
    [['--mtu', 'x'], 'flag --mtu: must be a whole number, not "x"'],
    [['--debug=maybe'], 'flag --debug: must be true or false'],
  ];
  for (const [args, message] of cases) await rejects(() => parseFlags(args), message);
});

test('what is wrong in the file is named with its path, and a value in both places is refused', async () => {
  const cases: [string, string[], string][] = [
    ['{"hots":[]}', [], 'unknown key "hots" (did you mean "hosts"?)'],
    ['{"bridge":{"mut":1}}', [], 'unknown key "bridge.mut" (did you mean "bridge.mtu"?)'],
    ['{"bridge":{"mtu":"1"}}', [], 'bridge.mtu: must be a whole number, not "1"'],
    ['{"debug":"yes"}', [], 'debug: must be true or false, not "yes"'],
    ['{"hosts":["http://x"]}', [], 'hosts: must start with unix://, tcp:// or fd://, not "http://x"'],
    ['{"mtu":1400,"bridge":{"mtu":1400}}', [], 'bridge.mtu is given twice, also as bridge.mtu'],
    ['{"runtimes":{"x":{"pth":"/x"}}}', [], 'runtimes: must be an object of { path, args? }'],
    ['{"debug":true}', ['--debug'], 'debug is given twice: as flag --debug and in config file'],
    ['{"defaultRuntime":"kata"}', [], 'runtime kata is not known; known are runc, crun'],
    ['{"tls":{"verify":true}}', [], '--tlsverify needs --tlscacert'],
    ['{', [], 'is not JSON'],
    ['[]', [], 'must hold one JSON object'],
  ];
  for (const [file, args, message] of cases) {
    await withFiles({ 'c.json': file }, async (dir) => {
      const error = await rejects(() => load(args, dir), message);
      assert.is(error.kind, 'invalidArgument');
    });
  }
  await rejects(() => loadConfig(parseFlags(['--config', '/no/such/file'])), 'cannot read config file /no/such/file');
});

test('a reload takes over what may change and leaves the rest', async () => {
  await withFiles({ 'c.json': '{"labels":["a=1"]}' }, async (dir) => {
    const flags = parseFlags(['--config', join(dir, 'c.json')]);
    const { config } = loadConfig(flags);
    writeFileSync(join(dir, 'c.json'), '{"labels":["a=2"],"debug":true,"root":"/elsewhere","insecureRegistries":["r:1"]}');
    const changed = reloadConfig(config, flags);
    assert.equal(
      [changed, config.labels, config.debug, config.root],
      [['debug', 'insecureRegistries', 'labels'], ['a=2'], true, defaultConfig().root],
    );
    writeFileSync(join(dir, 'c.json'), '{"labels":7}');
    await rejects(() => reloadConfig(config, flags), 'labels: must be a list of strings');
    assert.equal(config.labels, ['a=2']);
  });
});

test('every option has a default that passes its own check, and stands in the help', () => {
  const help = helpText();
  for (const option of options as readonly Option[]) {
    const values = Array.isArray(option.default) && option.kind === 'list' ? option.default : [option.default];
    for (const value of values) assert.is(option.check?.(value), undefined, option.key);
    assert.ok(help.includes(option.flag ? `--${option.flag}` : option.key), option.key);
  }
  assert.is(new Set(options.map((option) => option.key)).size, options.length);
});

test("sockets belong to pouch's group, else docker's, else root's, or to the one that is named", async () => {
  const groups = 'root:x:0:\ndocker:x:991:\npouch:x:992:\n';
  await withFiles({ both: groups, docker: groups.split('pouch')[0]!, none: 'root:x:0:\n' }, async (dir) => {
    const id = (name: string, file: string) => socketGroup(name, join(dir, file));
    assert.equal(
      [id('', 'both'), id('', 'docker'), id('', 'none'), id('docker', 'both'), id('7', 'none')],
      [992, 991, 0, 991, 7],
    );
    await rejects(() => id('nix', 'both'), 'group nix does not exist');
  });
});

test.run();
