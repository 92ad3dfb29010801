import { execFile } from 'node:child_process';
import { mkdir, mkdtempDisposable, readFile, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { tscPath } from '../../../hack/tools.ts';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '../../..');

/** The ```ts examples of a page, by the file name in their first line. */
function examplesOf(page: string): [string, string][] {
  return [...page.matchAll(/^```ts\n\/\/ (\S+\.ts)\n([\s\S]*?)^```$/gm)].map(([, name = '', code = '']) => [name, code]);
}

test('the examples of docs/plugins.md compile against the plugin API, under the settings of a new plugin, and its tests pass', async () => {
  const examples = examplesOf(await readFile(join(root, 'docs/plugins.md'), 'utf8'));
  assert.ok(examples.length >= 8, `only ${examples.length} examples found`);
  await using dir = await mkdtempDisposable(join(tmpdir(), 'pouchd-docs-'));
  const at = (name: string) => join(dir.path, name);
  await mkdir(at('node_modules/@pouchd'), { recursive: true });
  await symlink(join(root, 'hookplugins'), at('node_modules/@pouchd/hookplugins'));
  await symlink(join(root, 'node_modules/@types'), at('node_modules/@types'));
  const compilerOptions = {
    target: 'es2024',
    lib: ['es2024', 'esnext'],
    module: 'nodenext',
    strict: true,
    skipLibCheck: true,
    noEmit: true,
    allowImportingTsExtensions: true,
    types: ['node'],
  };
  await writeFile(at('tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
  await writeFile(at('package.json'), JSON.stringify({ name: 'keep-out', version: '0.1.0', type: 'module' }));
  for (const [name, code] of examples) await writeFile(at(name), code);
  const { stdout } = await run(tscPath(), ['-p', at('tsconfig.json')]).catch((error: { stdout: string }) => error);
  assert.is(stdout, '');
  const tested = await run(process.execPath, ['--test', '--test-reporter=tap', at('keep-out.test.ts')]);
  assert.match(tested.stdout, /# pass 2/);
});

test('docs/hooks.md and docs/errors.md are what the tables give', async () => {
  await run(process.execPath, [join(root, 'hack/generate-docs.ts'), '--check']);
});

test.run();
