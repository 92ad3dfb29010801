import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { scanPackage } from '../../../build/scan.ts';
import type { Facts } from '../../../build/scan-facts.ts';

const test = suite('the scan sees what a plugin registers, however it is written');

function scan(files: Readonly<Record<string, string>>): Facts {
  const dir = mkdtempSync(path.join(tmpdir(), 'pouchd-scan-'));
  try {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(path.dirname(path.join(dir, name)), { recursive: true });
      writeFileSync(path.join(dir, name), text);
    }
    return scanPackage(dir, path.join(dir, Object.keys(files)[0] ?? ''), 'mine');
  } finally {
    rmSync(dir, { recursive: true });
  }
}

const kinds = ({ registers }: Facts): string[] =>
  registers.map((call) => [call.kind, call.id, ...call.points].filter(Boolean).join(' '));

const forms: Readonly<Record<string, [string, string[]]>> = {
  'a named import': [
    "import { registerDaemonPlugin } from '@pouchd/hookplugins'; registerDaemonPlugin({ id: 'a', preStartHook() {} });",
    ['daemon a preStartHook'],
  ],
  'another name': [
    "import { registerAPIPlugin as add } from '@pouchd/hookplugins'; add({ updateHandler: (handlers) => handlers });",
    ['api updateHandler'],
  ],
  'a namespace': [
    "import * as api from '@pouchd/hookplugins'; api.registerImagePlugin({ async postPull() {} });",
    ['image postPull'],
  ],
  'compiled TypeScript': [
    '"use strict"; const p = require("@pouchd/hookplugins"); (0, p.registerContainerPlugin)({ preStart() {} });',
    ['container preStart'],
  ],
  destructuring: [
    "const { registerVolumePlugin: v } = require('@pouchd/hookplugins'); v({ preVolumeCreate() {} });",
    ['volume preVolumeCreate'],
  ],
  'a constant with satisfies': [
    "import { registerCriPlugin } from '@pouchd/hookplugins'; const it = { preCreateContainer() {} } satisfies object; registerCriPlugin(it);",
    ['cri preCreateContainer'],
  ],
  'a function that is called': [
    "import { registerDaemonPlugin } from '@pouchd/hookplugins'; function main() { inner(); } const inner = () => registerDaemonPlugin({}); main();",
    ['daemon'],
  ],
  'a loop': [
    "import { registerDaemonPlugin } from '@pouchd/hookplugins'; ['a'].forEach((id) => registerDaemonPlugin({ id: 'x' }));",
    ['daemon x'],
  ],
  'the general door': [
    "import { register } from '@pouchd/hookplugins'; register({ type: 'io.pouchd.service.v1', id: 'tea', initFn() {} });",
    ['registration io.pouchd.service.v1 tea'],
  ],
  'a volume driver': [
    "import { registerVolumeDriver } from '@pouchd/hookplugins'; registerVolumeDriver({ name: 'nfs' });",
    ['volumeDriver nfs'],
  ],
};

for (const [name, [code, expected]] of Object.entries(forms)) {
  test(name, () => {
    const facts = scan({ 'index.ts': code });
    assert.equal(kinds(facts), expected);
    assert.equal(facts.errors, []);
  });
}

test('files are followed through every kind of relative import, and no further', () => {
  const facts = scan({
    'src/index.ts':
      "import './a.js';\nexport * from './b';\nrequire('./c.cjs');\nexport const later = () => import('./d/index.ts');\nimport 'left-pad';\n",
    'src/a.ts': "import { registerDaemonPlugin } from '@pouchd/hookplugins';\nregisterDaemonPlugin({});\n",
    'src/b/index.ts': 'export {};',
    'src/c.cjs': 'module.exports = 1;',
    'src/d/index.ts': 'export {};',
    'src/unused.ts': 'await 1;',
  });
  assert.equal(facts.files, ['src/index.ts', 'src/a.ts', 'src/b/index.ts', 'src/c.cjs', 'src/d/index.ts']);
  assert.equal(facts.errors, []);
});

const harmless = [
  'async function f() { await 1; for await (const x of []) x; }',
  "import { Worker } from 'node:worker_threads'; export const w = () => new Worker('1', { eval: true });",
  "import { spawn } from 'node:child_process'; export const s = () => spawn('/bin/true', []);",
  "export const load = (require) => require('x' + 1);",
  'const it = { __dirname: 1 }; export const d = it.__dirname;',
  'export const m = import.meta.main;',
  "import fork from 'fork-ts'; fork();",
];

test('code that only looks like a fault is let through', () => {
  const register = "import { registerDaemonPlugin } from '@pouchd/hookplugins'; registerDaemonPlugin({});\n";
  for (const code of harmless) assert.equal(scan({ 'index.js': register + code }).errors, [], code);
});

test.run();
