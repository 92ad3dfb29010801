import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { built, greeter, ok, pluginPackage, scratchBuilder } from '../helpers/builder.ts';

const test = suite('hack/module records, orders, scaffolds and packs plugins');

test('order: as recorded, or as the hints say; a cycle is told as a chain', async () => {
  await using scratch = scratchBuilder();
  const code = "import { registerDaemonPlugin } from '@pouchd/hookplugins';\nregisterDaemonPlugin({ preStartHook() {} });\n";
  const folder = (name: string, order?: object): string =>
    scratch.write(name, { 'package.json': pluginPackage(name, order && { pouchd: { order } }), 'index.ts': code });
  ok(await scratch.module(`--add-plugin=${folder('zebra')}`, `--add-plugin=${folder('ant')}`));
  assert.equal(
    (await built(scratch)).plugins.map((row) => row.name),
    ['zebra', 'ant'],
  );
  folder('ant', { before: ['zebra'] });
  assert.equal(
    (await built(scratch)).plugins.map((row) => row.name),
    ['ant', 'zebra'],
  );
  folder('zebra', { before: ['ant'] });
  const { code: exit, out } = await scratch.build();
  assert.is(exit, 1);
  assert.match(out, /cycle: \w+ -> \w+ -> \w+/);
});

test('a dry run, a wrong option and a removal do what they say', async () => {
  await using scratch = scratchBuilder();
  assert.match(ok(await scratch.module(`--add-plugin=${greeter}`, '--dry-run')), 'would be recorded: @example/greeter@1.4.0');
  assert.is(ok(await scratch.module('--list')), 'nothing is recorded\n');
  assert.match((await scratch.module('--add-plugins=x')).out, "Unknown option '--add-plugins'");
  assert.match((await scratch.module('--add-plugin=')).out, '--add-plugin needs a value');
  ok(await scratch.module('--add-plugin', greeter, '--check'));
  ok(await scratch.module('--clean'));
  assert.is(ok(await scratch.module('--list')), 'nothing is recorded\n');
});

test('a new plugin builds, and its test passes', async () => {
  await using scratch = scratchBuilder();
  const kinds = ['container', 'daemon', 'volume', 'image', 'api', 'cri'];
  ok(await scratch.module('--new-plugin=first-one', `--kind=${kinds.join(',')}`));
  const folder = path.join(scratch.dir, 'first-one');
  assert.match(ok(await scratch.run('npm', ['test', '--silent'], { cwd: folder })), 'pass 6');
  assert.match(
    ok(await scratch.module('--add-plugin=./first-one')),
    /first-one@0\.1\.0, which registers container \(preCreate\); daemon/,
  );
  const refused = await scratch.module('--new-plugin=first-one');
  assert.is(refused.code, 1);
  assert.match(refused.out, 'is there already');
});

test('a plugin file carries its name and API version in its first line, and runs from anywhere', async () => {
  await using scratch = scratchBuilder();
  const file = path.join(scratch.dir, 'out/greeter.cjs');
  ok(await scratch.module(`--build-shared=${greeter}`, `--output=${file}`));
  const told = /^\/\*! pouchd-plugin (\{.*\}) \*\/$/.exec(readFileSync(file, 'utf8').split('\n')[0] ?? '')?.[1] ?? '{}';
  assert.equal(JSON.parse(told), { apiVersion: 1, name: '@example/greeter', version: '1.4.0', title: 'Greeter' });
  const registry = `globalThis[Symbol.for('pouchd.registry.v1')] = { apiVersion: 1, registrations: [], packages: [], failed: [], current: { name: 'x', version: '1' } };`;
  const probe = `${registry} require(${JSON.stringify(file)}); console.log(globalThis[Symbol.for('pouchd.registry.v1')].registrations.map((one) => one.type).join())`;
  assert.is(ok(await scratch.run(process.execPath, ['-e', probe])), 'io.pouchd.hook.container.v1,io.pouchd.hook.daemon.v1\n');
  assert.not.ok(existsSync(path.join(scratch.ctx.pluginsDir, 'package-lock.json')), 'nothing is recorded by it');
});

test.run();
