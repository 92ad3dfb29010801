// A builder for tests: a recorded set, dist folder and cache of its own under the system's temporary folder, and by default the stand-in
// daemon of test/fixtures/daemon, so that what the user recorded and built stays untouched and a build takes half a second.
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as assert from 'uvu/assert';
import { type BuildContext, createContext } from '../../build/context.ts';

const root = path.resolve(import.meta.dirname, '../..');

/** A plugin made outside the tree: TypeScript, several files, a dependency of its own. */
export const greeter: string = path.join(root, 'test/fixtures/plugins/greeter');

/** How a program ended, and what it printed. */
export interface Ran {
  readonly code: number;
  readonly out: string;
}

/** The scratch builder. */
export interface ScratchBuilder extends AsyncDisposable {
  readonly dir: string;
  readonly ctx: BuildContext;
  /** Points any builder process at the scratch folders. */
  readonly env: NodeJS.ProcessEnv;
  /** Writes files (path -> text) below the scratch folder and returns the folder of the first path's top level. */
  write(folder: string, files: Readonly<Record<string, string | object>>): string;
  /** Runs hack/module. */
  module(...args: string[]): Promise<Ran>;
  /** Runs the builder's command line. */
  build(...args: string[]): Promise<Ran>;
  run(file: string, args: readonly string[], more?: { cwd?: string; env?: NodeJS.ProcessEnv }): Promise<Ran>;
}

/** Makes a scratch builder; with `daemon: 'real'` it builds daemon/boot/main.ts. */
export function scratchBuilder(options: { daemon?: 'real' | 'stand-in' } = {}): ScratchBuilder {
  const dir = mkdtempSync(path.join(tmpdir(), 'pouchd-builder-'));
  const entry = path.join(root, options.daemon === 'real' ? 'daemon/boot/main.ts' : 'test/fixtures/daemon/main.ts');
  const env = {
    ...process.env,
    NO_COLOR: '1',
    POUCHD_PLUGINS_DIR: path.join(dir, 'plugins'),
    POUCHD_DIST_DIR: path.join(dir, 'dist'),
    POUCHD_BUILD_CACHE_DIR: path.join(dir, 'cache'),
    POUCHD_BUILD_ENTRY: entry,
  };
  const run: ScratchBuilder['run'] = (file, args, more = {}) =>
    new Promise((resolve) => {
      execFile(file, args, { cwd: more.cwd ?? dir, env: more.env ?? env, maxBuffer: 16 << 20 }, (error, stdout, stderr) => {
        resolve({ code: error ? (typeof error.code === 'number' ? error.code : 1) : 0, out: `${stdout}${stderr}` });
      });
    });
  return {
    dir,
    ctx: createContext({}, env),
    env,
    write(folder, files) {
      for (const [name, content] of Object.entries(files)) {
        const file = path.join(dir, folder, name);
        mkdirSync(path.dirname(file), { recursive: true });
        writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
      }
      return path.join(dir, folder);
    },
    module: (...args) => run(path.join(root, 'hack/module'), args),
    build: (...args) => run(process.execPath, [path.join(root, 'build/main.ts'), ...args]),
    run,
    async [Symbol.asyncDispose]() {
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** package.json of a plugin package for tests. */
export function pluginPackage(name: string, more: object = {}): object {
  return {
    name,
    version: '1.0.0',
    type: 'module',
    exports: './index.ts',
    peerDependencies: { '@pouchd/hookplugins': '^1' },
    ...more,
  };
}

/** What `build/main.ts --json` tells. */
export interface Told {
  readonly sha256: string;
  readonly bundleSha256: string;
  readonly isUnchanged: boolean;
  readonly plugins: readonly { name: string; version: string; kinds: readonly string[] }[];
  readonly stages: readonly { name: string; note: string }[];
}

/** The output of a run that must have gone well. */
export function ok(ran: Ran): string {
  assert.is(ran.code, 0, ran.out);
  return ran.out;
}

/** Builds and returns the report. */
export async function built(scratch: ScratchBuilder, ...args: string[]): Promise<Told> {
  return JSON.parse(ok(await scratch.build('--json', ...args))) as Told;
}
