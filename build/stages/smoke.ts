// Runs the candidate with hostile surroundings (garbage in NODE_OPTIONS, an empty folder) before it takes the old executable's place: it must tell
// its version, hold exactly the recorded plugins, and accept its code cache. Then it is renamed into place; the old file lives until that moment.
import { execFile } from 'node:child_process';
import { existsSync, linkSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { BuildContext } from '../context.ts';
import { pluginLabel, type ResolvedPlugin } from '../plugin.ts';
import { fail } from '../problem.ts';
import type { BuildInfo } from '../runtime.ts';

/** Tries the candidate and puts it in place; returns the final path. The candidate is gone in any case. */
export async function smoke(ctx: BuildContext, plugins: readonly ResolvedPlugin[], candidate: string): Promise<string> {
  try {
    if (ctx.arch === process.arch) await tryOut(plugins, candidate);
    return put(ctx, candidate);
  } finally {
    rmSync(candidate, { force: true });
  }
}

async function tryOut(plugins: readonly ResolvedPlugin[], candidate: string): Promise<void> {
  const home = mkdtempSync(path.join(tmpdir(), 'pouchd-smoke-'));
  try {
    const [version, info, listed] = await Promise.all([
      run(candidate, ['--version'], home),
      run(candidate, ['--build-info'], home),
      run(candidate, ['plugins', '--json'], home),
    ]);
    if (!version.startsWith('pouchd version ')) fail(`the new executable answers --version with ${JSON.stringify(version)}`);
    const { cacheRejected, hasCache } = JSON.parse(info) as BuildInfo & { cacheRejected: boolean | null };
    if (!hasCache || cacheRejected !== false)
      fail('the new executable does not accept its code cache', {
        hint: 'make clean and build again; the flags in build/runtime.ts must be the ones the cache was made with',
      });
    const wanted = plugins.map(pluginLabel).join(', ');
    const inside = recordedRows(listed).join(', ');
    if (wanted !== inside)
      fail(
        `the new executable holds other plugins than the recorded ones: recorded ${wanted || 'none'}; inside ${inside || 'none'}`,
      );
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/** `name@version` of each recorded package in the answer of `plugins --json`, each once, in order; the daemon's own rows are left out. */
export function recordedRows(answer: string): string[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(answer);
  } catch (error) {
    fail(`\`plugins --json\` of the new executable is not JSON: ${(error as Error).message}`);
  }
  const rows = Array.isArray(parsed) ? parsed : (parsed as { plugins?: unknown }).plugins;
  if (!Array.isArray(rows)) fail('`plugins --json` of the new executable is not a list');
  const labels = (rows as { name?: string; version?: string }[])
    .filter((row) => row.name && row.name !== 'pouchd')
    .map((row) => `${row.name}@${row.version}`);
  return [...new Set(labels)];
}

function run(file: string, args: readonly string[], cwd: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const env = { PATH: process.env['PATH'], HOME: cwd, NODE_OPTIONS: '--not-an-option' };
    execFile(file, args, { cwd, env, timeout: 20_000, killSignal: 'SIGKILL', maxBuffer: 16 << 20 }, (error, stdout, stderr) => {
      if (!error) return resolve(stdout);
      try {
        fail(`the new executable fails at \`${args.join(' ')}\`: ${error.signal ?? error.code}\n${stderr.trim()}`);
      } catch (problem) {
        reject(problem as Error);
      }
    });
  });
}

function put(ctx: BuildContext, candidate: string): string {
  const final = path.join(ctx.distDir, 'pouchd');
  const second = path.join(ctx.distDir, 'pouch');
  const spare = `${second}.${process.pid}`;
  renameSync(candidate, final);
  if (existsSync(spare)) rmSync(spare);
  linkSync(final, spare);
  renameSync(spare, second);
  return final;
}
