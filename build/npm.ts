// Runs npm with the tree's own Node. The host's npm is taken when it is 10 or newer; else (Debian 12 has 9.2, which treats a dependency
// that is a folder differently) a fixed one is installed once under the cache.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { type BuildContext, treeRoot } from './context.ts';
import { fail } from './problem.ts';

const pinned = '11.19.1';

/** What a run of npm said. */
export interface NpmRun {
  readonly ok: boolean;
  readonly output: string;
}

/** Runs npm in a folder, without scripts of packages, audit or funding notes. */
export async function npm(ctx: BuildContext, cwd: string, args: readonly string[]): Promise<NpmRun> {
  const cli = await npmCli(ctx);
  const quiet = ['--no-audit', '--no-fund', '--no-update-notifier', '--ignore-scripts', '--loglevel=error', '--prefix', cwd];
  return run(process.execPath, [cli, ...args, ...quiet], cwd);
}

async function npmCli(ctx: BuildContext): Promise<string> {
  const host = hostNpm();
  if (host && Number(host.version.split('.')[0]) >= 10) return host.cli;
  const home = path.join(ctx.cacheDir, 'npm');
  const cli = path.join(home, 'node_modules/npm/bin/npm-cli.js');
  if (existsSync(cli)) return cli;
  if (!host) fail('npm is not installed', { hint: 'install it: sudo apt-get install npm' });
  mkdirSync(home, { recursive: true });
  console.error(`npm ${host.version} is too old for plugins: installing npm ${pinned} for this tree alone`);
  const args = ['install', '--no-save', '--no-audit', '--no-fund', '--ignore-scripts', '--prefix', home, `npm@${pinned}`];
  const { ok, output } = await run('npm', args, home);
  if (!ok) fail(`npm ${pinned} could not be installed: ${output.trim()}`);
  return cli;
}

function hostNpm(): { cli: string; version: string } | undefined {
  for (const dir of (process.env['PATH'] ?? '').split(path.delimiter)) {
    const link = path.join(dir, 'npm');
    if (!dir || dir.startsWith(treeRoot) || !existsSync(link)) continue;
    for (let at = path.dirname(realpathSync(link)); at !== path.dirname(at); at = path.dirname(at)) {
      for (const home of [at, path.join(at, 'node_modules/npm'), path.join(at, 'lib/node_modules/npm')]) {
        const found = readNpm(home);
        if (found) return found;
      }
    }
  }
  return undefined;
}

function readNpm(home: string): { cli: string; version: string } | undefined {
  const file = path.join(home, 'package.json');
  const cli = path.join(home, 'bin/npm-cli.js');
  if (!existsSync(file) || !existsSync(cli)) return undefined;
  const { name, version } = JSON.parse(readFileSync(file, 'utf8')) as { name?: string; version?: string };
  return name === 'npm' && version ? { cli, version } : undefined;
}

function run(command: string, args: readonly string[], cwd: string): Promise<NpmRun> {
  return new Promise((resolve) => {
    const env = { ...process.env, NODE_OPTIONS: '', NODE_USE_SYSTEM_CA: '1' }; // a company's own authority is among the host's
    execFile(command, args, { cwd, maxBuffer: 64 << 20, env }, (error, stdout, stderr) => {
      resolve({ ok: !error, output: `${stdout}${stderr}` });
    });
  });
}
