import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { build } from '../../build/build.ts';
import { BuildError, formatProblem } from '../../build/problem.ts';
import { record } from '../../build/stages/record.ts';
import { pluginPackage, type ScratchBuilder, scratchBuilder } from '../helpers/builder.ts';

const test = suite('a plugin that cannot work is refused, with its name, the place, and what to do');

const api = "import { registerContainerPlugin } from '@pouchd/hookplugins';\n";
const good = `${api}registerContainerPlugin({ preCreate(config) { config.Labels = {}; } });\n`;

interface Case {
  /** index.ts of the plugin. */
  readonly code: string;
  readonly files?: Readonly<Record<string, string>>;
  /** What the message says, in order. */
  readonly says: readonly (string | RegExp)[];
}

const cases: Readonly<Record<string, Case>> = {
  'registers nothing': {
    code: 'export const nothing = 1;\n',
    says: ['registers nothing', 'index.ts:1:1', 'call registerContainerPlugin()'],
  },
  'registers in a function nobody calls': {
    code: `${api}export function setup() {\n  registerContainerPlugin({});\n}\n`,
    says: [
      'inside a function that is not called at module load',
      'index.ts:3:3',
      '> 3 |   registerContainerPlugin({});',
      'at the top level',
    ],
  },
  'registers twice': {
    code: `${good}registerContainerPlugin({});\n`,
    says: ['registers container plugin subject twice; the first is at index.ts:2:1', 'index.ts:3:1', 'an id of its own'],
  },
  'top-level await': {
    code: `${good}await Promise.resolve();\n`,
    says: ['top-level await', 'index.ts:3:1', '> 3 | await Promise.resolve();', 'inside a hook'],
  },
  'fork of a file': {
    code: `${good}import { fork } from 'node:child_process';\nexport const start = () => fork('./child.js');\n`,
    says: ['child_process.fork() would start the daemon again', 'index.ts:4:28', 'start another program by its own path'],
  },
  'spawn of itself': {
    code: `${good}import * as cp from 'node:child_process';\nexport const start = () => cp.spawn(process.execPath, ['x.js']);\n`,
    says: ['spawn() of process.execPath would start the daemon again', 'index.ts:4:28'],
  },
  'computed require': {
    code: `${good}declare const name: string;\nexport const it = () => require(name);\n`,
    says: ['require() of a computed name', 'index.ts:4:25', 'string literal'],
  },
  'computed import': {
    code: `${good}export const it = (name: string) => import(name);\n`,
    says: ['import() of a computed name', 'index.ts:3:37', 'string literal'],
  },
  'import.meta.url': {
    code: `${good}export const here = import.meta.url;\n`,
    says: ['import.meta.url is no place', 'index.ts:3:21', 'ctx.config'],
  },
  'reads beside __dirname': {
    code: `${good}import { readFileSync } from 'node:fs';\nexport const text = () => readFileSync(__dirname + '/x.txt', 'utf8');\n`,
    says: ['reads beside __dirname', 'index.ts:4:40', 'import the file itself'],
  },
  'Worker from a file': {
    code: `${good}import { Worker } from 'node:worker_threads';\nexport const w = () => new Worker('./w.js');\n`,
    says: ['a Worker from a file', 'index.ts:4:24', 'eval: true'],
  },
  'native addon': {
    code: `${good}declare function require(name: string): unknown;\nexport const it = () => require('./x.node');\n`,
    says: ['a native addon', 'index.ts:4:33', 'WebAssembly'],
  },
  'copy of the plugin API': {
    code: `${good}export const key = Symbol.for('pouchd.registry.v1');\n`,
    says: ['second copy of the plugin API', 'index.ts:3:31', 'peerDependencies'],
  },
  'a fault in another of its files': {
    code: `${good}import './lib/other.js';\n`,
    files: { 'lib/other.ts': 'export const here = import.meta.dirname;\n' },
    says: ['import.meta.dirname', /lib\/other\.ts:1:21/],
  },
  'wrong types': {
    code: `${api}registerContainerPlugin({\n  preCreate(config: number) { return config; },\n});\n`,
    says: ['type error TS', 'index.ts:3:3', '> 3 |   preCreate(config: number)', 'docs/hooks.md'],
  },
};

/** Records one folder, whose code each case then changes: npm runs once, as it does for an author who edits and builds. */
async function recordSubject(scratch: ScratchBuilder): Promise<string> {
  const folder = scratch.write('subject', { 'package.json': pluginPackage('subject'), 'index.ts': good });
  await record(scratch.ctx, [{ do: 'add', spec: folder, volume: false }], scratch.dir);
  return folder;
}

async function refusal(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
  } catch (error) {
    if (error instanceof BuildError) return error.problems.map((problem) => formatProblem(problem)).join('\n');
    throw error;
  }
  return 'no error';
}

function assertSays(text: string, says: Case['says']): void {
  for (const part of says)
    assert.ok(typeof part === 'string' ? text.includes(part) : part.test(text), `expected ${part} in:\n${text}`);
}

test('each fault stops the build at its place', async () => {
  await using scratch = scratchBuilder();
  const folder = await recordSubject(scratch);
  for (const [name, { code, files = {}, says }] of Object.entries(cases)) {
    scratch.write('subject', { 'index.ts': code, ...files });
    const text = await refusal(() => build(scratch.ctx, 'check'));
    assert.ok(text.includes('plugin subject@1.0.0: '), `${name} names the plugin:\n${text}`);
    assert.ok(text.includes(folder), `${name} shows the author's own folder:\n${text}`);
    assertSays(text, says);
  }
  scratch.write('subject', { 'index.ts': good });
  const { plugins } = await build(scratch.ctx, 'check');
  assert.is(plugins.length, 1, 'and the same package passes when it is repaired');
});

test('a set that is recorded wrongly is refused', async () => {
  await using scratch = scratchBuilder();
  await recordSubject(scratch);
  const { pluginsDir } = scratch.ctx;
  const file = path.join(pluginsDir, 'package.json');
  const lock = path.join(pluginsDir, 'package-lock.json');
  const before = { set: readFileSync(file, 'utf8'), lock: readFileSync(lock, 'utf8') };
  const edits: [() => void, string][] = [
    [() => writeFileSync(file, '{ not json'), 'package.json is not JSON'],
    [() => writeFileSync(file, '{}'), 'no pouchd.plugins list'],
    [
      () => writeFileSync(file, before.set.replace('"name": "subject"', '"name": "other"')),
      'plugin other: recorded wrongly: in pouchd.plugins, not in dependencies',
    ],
    [
      () => writeFileSync(file, before.set.replace('{\n        "name": "subject"\n      }', '')),
      'plugin subject: recorded wrongly: in dependencies, not in pouchd.plugins',
    ],
    [
      () => writeFileSync(file, before.set.replace('"subject": "', '"subject": "2.0.0').replace(/"2\.0\.0[^"]*"/, '"2.0.0"')),
      'package.json says 2.0.0, package-lock.json file:',
    ],
    [() => rmSync(lock), 'package-lock.json is missing'],
    [() => rmSync(path.join(scratch.dir, 'subject'), { recursive: true }), 'holds no package.json any more'],
  ];
  for (const [edit, says] of edits) {
    edit();
    assertSays(await refusal(() => build(scratch.ctx, 'check')), [says, 'what to do: ']);
    writeFileSync(file, before.set);
    writeFileSync(lock, before.lock);
  }
});

test('nothing half-recorded is left when a package is refused', async () => {
  await using scratch = scratchBuilder();
  await recordSubject(scratch);
  const files = ['package.json', 'package-lock.json'].map((name) => path.join(scratch.ctx.pluginsDir, name));
  const before = files.map((file) => readFileSync(file, 'utf8'));
  const folders = {
    'wrong-peer': {
      'package.json': pluginPackage('wrong-peer', { peerDependencies: { '@pouchd/hookplugins': '^9' } }),
      'index.ts': good,
    },
    'own-api': {
      'package.json': pluginPackage('own-api', { dependencies: { '@pouchd/hookplugins': 'file:./copy' } }),
      'copy/package.json': { name: '@pouchd/hookplugins', version: '9.9.9' },
      'index.ts': good,
    },
    silent: { 'package.json': pluginPackage('silent'), 'index.ts': '' },
    'no-entry': { 'package.json': pluginPackage('no-entry', { exports: './dist/index.js' }) },
    'not-a-driver': { 'package.json': pluginPackage('not-a-driver'), 'index.ts': good },
  };
  for (const [name, content] of Object.entries(folders)) scratch.write(name, content);
  const refused: [string, string[]][] = [
    ['./wrong-peer', ['wants @pouchd/hookplugins@"^9", this tree has 1.', 'peerDependencies']],
    ['./own-api', ['plugin own-api@1.0.0: brings a second plugin API', '"dependencies" (file:./copy)', 'peerDependencies']],
    ['./silent', ['plugin silent@1.0.0: registers nothing']],
    ['./no-entry', ['names an entry that is not there ("./dist/index.js")', 'build the package first']],
    ['./nowhere', ['there is no such file or folder']],
    ['.', ['is a folder without a package.json']],
  ];
  for (const [spec, says] of refused) {
    assertSays(await refusal(() => record(scratch.ctx, [{ do: 'add', spec, volume: false }], scratch.dir)), says);
    assert.equal(
      files.map((file) => readFileSync(file, 'utf8')),
      before,
      `${spec} leaves the set as it was`,
    );
  }
  const asVolume = await refusal(() => record(scratch.ctx, [{ do: 'add', spec: './not-a-driver', volume: true }], scratch.dir));
  assertSays(asVolume, ['recorded as a volume plugin, but it registers no volume driver']);
  const two = await refusal(() =>
    record(
      scratch.ctx,
      [
        { do: 'add', spec: './not-a-driver', volume: false },
        { do: 'remove', name: 'never-added' },
      ],
      scratch.dir,
    ),
  );
  assertSays(two, ['never-added is not recorded', 'recorded is: subject, not-a-driver']);
  assert.equal(
    files.map((file) => readFileSync(file, 'utf8')),
    before,
    'one wrong change undoes the right ones before it',
  );
  const { plugins } = await build(scratch.ctx, 'check');
  assert.equal(
    plugins.map((plugin) => plugin.name),
    ['subject'],
    'and what was recorded before still builds',
  );
});

test.run();
