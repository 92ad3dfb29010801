import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cached, hashOf, lookup } from '../../../build/content-cache.ts';
import { packageEntry } from '../../../build/package-entry.ts';
import type { ResolvedPlugin } from '../../../build/plugin.ts';
import { formatProblem } from '../../../build/problem.ts';
import { parseDiagnostics } from '../../../build/stages/check.ts';
import { manifestText } from '../../../build/stages/manifest.ts';
import { recordedRows } from '../../../build/stages/smoke.ts';
import { rejects } from '../../helpers/rejects.ts';

const test = suite('the pieces of the builder');

async function inFolder(run: (dir: string) => Promise<void> | void): Promise<void> {
  const dir = mkdtempSync(path.join(tmpdir(), 'pouchd-pieces-'));
  try {
    await run(dir);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

const plugin: ResolvedPlugin = {
  name: 'mine',
  version: '1.0.0',
  spec: 'file:x',
  dir: '/set/node_modules/mine',
  source: '/home/mine',
  entry: '/set/node_modules/mine/index.ts',
  key: {},
  volume: false,
};

test('the entry of a package is found as exports, module, main or index say', () =>
  inFolder((dir) => {
    mkdirSync(path.join(dir, 'lib'));
    for (const file of ['index.js', 'lib/index.ts', 'a.mjs', 'b.ts']) writeFileSync(path.join(dir, file), '');
    const table: [object, string | undefined][] = [
      [{}, 'index.js'],
      [{ main: 'lib' }, 'lib/index.ts'],
      [{ main: './b.js' }, 'b.ts'],
      [{ main: 'index.js', module: 'a.mjs' }, 'a.mjs'],
      [{ exports: './b.ts', main: 'index.js' }, 'b.ts'],
      [{ exports: { import: './a.mjs', require: './index.js' } }, 'a.mjs'],
      [{ exports: { '.': { types: './x.d.ts', require: './index.js' } } }, 'index.js'],
      [{ exports: { '.': [{ browser: './no.js' }, './a.mjs'] } }, 'a.mjs'],
      [{ exports: './gone.js' }, undefined],
      [{ exports: { './other': './a.mjs' } }, undefined],
    ];
    for (const [pkg, expected] of table)
      assert.is(packageEntry(dir, pkg), expected && path.join(dir, expected), JSON.stringify(pkg));
  }));

test('a problem is told with its plugin, place, frame and what to do', () =>
  inFolder((dir) => {
    const file = path.join(dir, 'index.ts');
    writeFileSync(file, 'one\n\ttwo three\nfour\n');
    const text = formatProblem(
      { package: 'mine@1.0.0', message: 'is wrong', place: { file, line: 2, column: 6 }, hint: 'write it right' },
      dir,
    );
    assert.is(
      text,
      'error: plugin mine@1.0.0: is wrong\n  at index.ts:2:6\n    1 | one\n  > 2 | \ttwo three\n      | \t    ^\n    3 | four\n  what to do: write it right',
    );
    assert.is(
      formatProblem({ message: 'x', place: { file: '/nowhere/a.ts', line: 1, column: 1 } }, dir),
      'error: x\n  at /nowhere/a.ts:1:1',
    );
  }));

test('type errors are those in the plugin itself, shown in the folder of its author', () => {
  const output = [
    "node_modules/mine/index.ts(3,7): error TS2322: Type 'string' is not assignable to type 'number'.",
    "  The expected type comes from property 'x'.",
    "node_modules/mine/index.ts(1,20): error TS7016: Could not find a declaration file for module 'untyped'.",
    'node_modules/mine/node_modules/dep/index.ts(1,1): error TS1: not ours.',
    '../tree/hookplugins/index.ts(1,1): error TS2: not ours either.',
    '  more of it',
  ].join('\n');
  const problems = parseDiagnostics(output, [plugin], '/set');
  assert.is(problems.length, 1);
  assert.equal(problems[0]?.place, { file: '/home/mine/index.ts', line: 3, column: 7 });
  assert.match(problems[0]?.message ?? '', /^type error TS2322: Type 'string'[\s\S]*\n.*expected type comes from/);
});

test('the manifest loads each package by name, inside its attribution, in order', () => {
  const text = manifestText('../x.ts', [
    { ...plugin, key: { optional: true, order: { priority: 1 } } },
    { ...plugin, name: 'other' },
  ]);
  assert.match(text, '{"name":"mine","version":"1.0.0","optional":true,"order":{"priority":1}}');
  assert.ok(text.indexOf('require("mine")') < text.indexOf('require("other")'));
  assert.match(text, /withPackage\(plugins\[1\], .*require\("other"\)/);
});

test('the answer of the new executable is compared by name and version', () => {
  const rows = [
    { name: 'a', version: '1' },
    { name: 'pouchd', version: '9' },
    { name: 'a', version: '1' },
    { name: 'b', version: '2' },
  ];
  assert.equal(recordedRows(JSON.stringify(rows)), ['a@1', 'b@2']);
  assert.equal(recordedRows(JSON.stringify({ plugins: rows.slice(3) })), ['b@2']);
  assert.throws(() => recordedRows('no'), 'is not JSON');
});

test('a cache entry is there whole or not at all, and parts of a key do not run together', () =>
  inFolder(async (dir) => {
    assert.is.not(hashOf('ab', 'c'), hashOf('a', 'bc'));
    await rejects(
      cached(dir, 'stage', 'key', (draft) => {
        writeFileSync(path.join(draft, 'half'), '');
        throw new Error('no');
      }),
      /no/,
    );
    assert.is(lookup(dir, 'stage', 'key'), undefined);
    const make = (draft: string): void => writeFileSync(path.join(draft, 'whole'), '');
    assert.is((await cached(dir, 'stage', 'key', make)).hit, false);
    assert.is((await cached(dir, 'stage', 'key', make)).hit, true);
  }));

test.run();
