import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { pluginPackage, type Ran, type ScratchBuilder, scratchBuilder } from '../helpers/builder.ts';

const test = suite('what is recorded is what is built, in one file that needs nothing beside it');
const root = path.resolve(import.meta.dirname, '../..');
const greeter = path.join(root, 'test/fixtures/plugins/greeter');

interface Told {
  readonly sha256: string;
  readonly isUnchanged: boolean;
  readonly plugins: readonly { name: string; version: string; kinds: readonly string[] }[];
  readonly stages: readonly { name: string; note: string }[];
}

function ok(ran: Ran): string {
  assert.is(ran.code, 0, ran.out);
  return ran.out;
}

async function built(scratch: ScratchBuilder, ...args: string[]): Promise<Told> {
  return JSON.parse(ok(await scratch.build('--json', ...args))) as Told;
}

/** The executable alone in an empty folder, in surroundings that would upset a Node. */
async function alone(scratch: ScratchBuilder, name: string, ...args: string[]): Promise<Ran> {
  const folder = path.join(scratch.dir, 'elsewhere');
  mkdirSync(folder, { recursive: true });
  copyFileSync(path.join(scratch.ctx.distDir, 'pouchd'), path.join(folder, name));
  return scratch.run(path.join(folder, name), args, {
    cwd: folder,
    env: { NODE_OPTIONS: '--no-such-option', NODE_PATH: '/nowhere' },
  });
}

test('a TypeScript package with a dependency of its own, by folder and by .tgz, is compiled in', async () => {
  await using scratch = scratchBuilder();
  assert.match(
    ok(await scratch.module(`--add-plugin=${greeter}`)),
    'recorded: @example/greeter@1.4.0, which registers container (preCreate); daemon (preStartHook)',
  );
  const first = await built(scratch);
  assert.equal(
    first.plugins.map(({ name, version, kinds }) => [name, version, kinds]),
    [['@example/greeter', '1.4.0', ['container: preCreate', 'daemon: preStartHook']]],
  );
  const rows = JSON.parse(ok(await alone(scratch, 'pouchd', 'plugins', '--json'))) as { name: string; registrations: string[] }[];
  assert.equal(rows[0]?.registrations, [
    'io.pouchd.hook.container.v1.@example/greeter',
    'io.pouchd.hook.daemon.v1.@example/greeter',
  ]);
  assert.match(ok(await alone(scratch, 'pouchd', '--version')), /^pouchd version \d+\.\d+\.\d+ \(plugin API 1, node 24\./);
  assert.match(ok(await alone(scratch, 'pouch', '--version')), /^pouch version /);

  const again = await built(scratch);
  assert.ok(again.isUnchanged);
  assert.is(again.sha256, first.sha256);

  // the same package as a tarball: another way to record it, the same code
  await scratch.run('tar', ['-czf', path.join(scratch.dir, 'greeter.tgz'), '--transform=s,^\\.,package,', '-C', greeter, '.']);
  ok(await scratch.module('--remove-plugin=@example/greeter', '--add-plugin=./greeter.tgz'));
  const [row] = JSON.parse(ok(await scratch.module('--list', '--json'))) as {
    name: string;
    version: string;
    integrity: string;
    recorded: string;
  }[];
  assert.match(row?.recorded ?? '', /^file:tarballs\/greeter-[0-9a-f]{12}\.tgz$/);
  assert.match(row?.integrity ?? '', /^sha512-/);
  assert.is((await built(scratch)).sha256, first.sha256);
});

test('two builds from the same inputs are the same bytes, with nothing shared between them', async () => {
  await using one = scratchBuilder({ daemon: 'real' });
  await using other = scratchBuilder({ daemon: 'real' });
  for (const scratch of [one, other]) ok(await scratch.module(`--add-plugin=${greeter}`));
  const shas = [(await built(one)).sha256, (await built(other)).sha256];
  assert.is(shas[0], shas[1]);
});

test('make with a broken plugin names it, fails, and the old executable still runs', async () => {
  await using scratch = scratchBuilder();
  const code = (body: string): string =>
    `import { registerDaemonPlugin } from '@pouchd/hookplugins';\nregisterDaemonPlugin({ preStartHook() { ${body} } });\n`;
  const folder = scratch.write('mine', { 'package.json': pluginPackage('mine'), 'index.ts': code('') });
  ok(await scratch.module(`--add-plugin=${folder}`));
  const make = (): Promise<Ran> => scratch.run('make', ['--no-print-directory', '-C', root, 'build']);
  const recorded = (): string[] =>
    ['package.json', 'package-lock.json'].map((name) => readFileSync(path.join(scratch.ctx.pluginsDir, name), 'utf8'));
  const before = recorded();
  assert.match(ok(await make()), 'mine  1.0.0  daemon: preStartHook');
  const file = path.join(scratch.ctx.distDir, 'pouchd');
  const old = readFileSync(file);

  const faults: [string, RegExp][] = [
    [
      code('const x: number = "text"; return x;'),
      /plugin mine@1\.0\.0: type error TS2322[\s\S]*mine\/index\.ts:2:\d+[\s\S]*what to do: /,
    ],
    [
      `${code('')}throw new Error('bad day');\n`,
      /plugin mine@1\.0\.0: failed to load: bad day[\s\S]*mine\/index\.ts:3:7[\s\S]*> 3 \| throw new Error/,
    ],
    [`${code('')}import 'no-such-package';\n`, /mine[\s\S]*no-such-package[\s\S]*what to do: /],
  ];
  for (const [text, says] of faults) {
    writeFileSync(path.join(folder, 'index.ts'), text);
    const { code: exit, out } = await make();
    assert.is.not(exit, 0);
    assert.match(out, says);
    assert.ok(readFileSync(file).equals(old));
  }
  assert.match(ok(await scratch.run(file, ['plugins', '--json'])), '"mine"');
  writeFileSync(path.join(folder, 'index.ts'), code('console.log(1);'));
  ok(await make());
  assert.not.ok(readFileSync(file).equals(old), 'an edit of the folder is in the next build without recording it again');
  assert.equal(recorded(), before, 'make changes nothing in what is recorded');
});

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
