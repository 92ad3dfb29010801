// Runs the bundle once, listening only, to have V8's compiled code as an asset (half the start time) and to learn what every plugin really
// registered. Kept by content of the bundle. So that the cache is the same on every run, V8 gets a fixed seed and leaves out all that depends
// on the moment: its just-in-time compilers (which mark the functions they have seen) and the flushing of old code. V8 refuses a cache made
// under other flags than its own by a hash of them in the header; that hash is then set to the executable's. The bytecode is the same.
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { cached, hashOf } from '../content-cache.ts';
import { type BuildContext, treeRoot } from '../context.ts';
import { authorPath, pluginLabel, type ResolvedPlugin } from '../plugin.ts';
import { BuildError, fail, type Problem } from '../problem.ts';
import { buildInfo, runtimeFlags } from '../runtime.ts';
import type { Bundle } from './bundle.ts';

/** One registration as the running bundle told it. */
export interface SeenRegistration {
  readonly type: string;
  readonly id: string;
  readonly package?: string;
}

/** What the warm run left. */
export interface Warm {
  /** V8's code cache; absent for another processor than this one. */
  readonly cache?: string;
  readonly registrations: readonly SeenRegistration[];
  readonly hit: boolean;
}

const steady = ['--random-seed=42', '--no-sparkplug', '--no-maglev', '--no-opt', '--no-flush-bytecode'];

/** Makes the code cache. Throws when the daemon does not come up, or when a recorded package registered nothing. */
export async function warm(ctx: BuildContext, plugins: readonly ResolvedPlugin[], bundled: Bundle): Promise<Warm> {
  const script = path.join(treeRoot, 'build/warm-run.cjs');
  const key = hashOf(
    readFileSync(bundled.file),
    process.version,
    ctx.arch,
    [...runtimeFlags, ...steady].join(' '),
    readFileSync(script),
    JSON.stringify(buildInfo(plugins, true)),
  );
  const { dir, hit } = await cached(ctx.cacheDir, 'warm', key, (draft) => run(script, plugins, bundled, draft));
  const registrations = JSON.parse(readFileSync(path.join(dir, 'pouchd.json'), 'utf8')) as SeenRegistration[];
  const silent = plugins.filter((plugin) => !plugin.key.optional && !registrations.some((one) => one.package === plugin.name));
  if (silent.length > 0) {
    throw new BuildError(
      silent.map((plugin) => ({
        package: pluginLabel(plugin),
        message: 'registers nothing when it is loaded',
        hint: 'call a register function at module load',
      })),
    );
  }
  return { registrations, hit, ...(ctx.arch === process.arch && { cache: path.join(dir, 'pouchd.cache') }) };
}

async function run(script: string, plugins: readonly ResolvedPlugin[], bundled: Bundle, draft: string): Promise<void> {
  const home = mkdtempSync(path.join(tmpdir(), 'pouchd-warm-'));
  try {
    const args = [
      ...runtimeFlags,
      ...steady,
      script,
      bundled.file,
      path.join(draft, 'pouchd'),
      home,
      JSON.stringify(buildInfo(plugins, true)),
    ];
    const env = { PATH: process.env['PATH'], HOME: home, TMPDIR: home, POUCHD_WARM: '1', LANG: 'C', TZ: 'UTC' };
    const { code, output } = await start(args, env, home);
    if (code !== 0) throw new BuildError([failure(path.join(draft, 'pouchd.failed.json'), plugins, bundled, output)]);
    if (!existsSync(path.join(draft, 'pouchd.json'))) {
      throw new BuildError([
        { message: `the daemon ended before it listened:\n${output.trim()}`, hint: 'see build/contract.md, warm start' },
      ]);
    }
    const cache = path.join(draft, 'pouchd.cache');
    writeFileSync(cache, underFlags(readFileSync(cache), await sampleCache(env, home)));
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/** A code cache of next to nothing, made under the executable's flags. */
async function sampleCache(env: NodeJS.ProcessEnv, cwd: string): Promise<Buffer> {
  const program = "process.stdout.write(new (require('node:vm').Script)('0').createCachedData().toString('hex'))";
  const { code, output } = await start([...runtimeFlags, '-e', program], env, cwd);
  if (code !== 0) fail(`Node does not run under the flags of the executable (${runtimeFlags.join(' ')}): ${output.trim()}`);
  return Buffer.from(output, 'hex');
}

/** Header of V8's code cache: magic, version, hash of the source, hash of the flags, four bytes each. */
function underFlags(cache: Buffer, sample: Buffer): Buffer {
  if (!cache.subarray(0, 8).equals(sample.subarray(0, 8))) fail('V8 writes another kind of code cache than the builder knows');
  sample.copy(cache, 12, 12, 16);
  return cache;
}

/** Why the daemon did not start: a plugin that threw while it was loaded, with the place, or whatever was printed. */
function failure(file: string, plugins: readonly ResolvedPlugin[], bundled: Bundle, output: string): Problem {
  if (!existsSync(file)) {
    return {
      message: `the daemon with these plugins does not start:\n${output.trim()}`,
      hint: 'see the message; build/contract.md tells what a warm start is',
    };
  }
  const told = JSON.parse(readFileSync(file, 'utf8')) as {
    package: string;
    message: string;
    file?: string;
    line: number;
    column: number;
  };
  const at = told.file === undefined ? undefined : path.resolve(path.dirname(bundled.map), told.file);
  const plugin = at === undefined ? undefined : plugins.find((one) => at.startsWith(`${one.dir}/`));
  return {
    package: told.package,
    message: `failed to load: ${told.message}`,
    hint: 'a plugin only registers at module load; move the rest into a hook, or mark the package optional in its `pouchd` key',
    ...(at && { place: { file: plugin ? authorPath(plugin, at) : at, line: told.line, column: told.column } }),
  };
}

function start(args: readonly string[], env: NodeJS.ProcessEnv, cwd: string): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      args,
      { env, cwd, timeout: 30_000, killSignal: 'SIGKILL', maxBuffer: 16 << 20 },
      (error, stdout, stderr) => {
        const code = error ? (typeof error.code === 'number' ? error.code : 1) : 0;
        resolve({ code, output: `${stdout}${stderr}` });
      },
    );
  });
}
