import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { built, greeter, ok, pluginPackage, type Ran, type ScratchBuilder, scratchBuilder } from '../helpers/builder.ts';

const test = suite('what is recorded is what is built, in one file that needs nothing beside it');
const root = path.resolve(import.meta.dirname, '../..');

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

test('two builds of the daemon from the same inputs are the same bytes, with no cache between them', async () => {
  await using scratch = scratchBuilder({ daemon: 'real' });
  ok(await scratch.module(`--add-plugin=${greeter}`));
  const told = [];
  for (const name of ['one', 'other']) {
    const folders = [`--cache-dir=${scratch.dir}/${name}/cache`, `--dist-dir=${scratch.dir}/${name}/dist`];
    told.push(await built(scratch, ...folders));
  }
  assert.is(told[0]?.bundleSha256, told[1]?.bundleSha256, 'the bundles are alike (the sources did not change meanwhile)');
  assert.is(told[0]?.sha256, told[1]?.sha256, 'the code caches are alike');
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

test.run();
