// make dev: the daemon from what is recorded, rebuilt and restarted when a source or a plugin changes. It runs the bundle, not the executable: what is
// different is only that it is not linked into one file, which saves most of the time. Arguments go to the daemon; without any it gets folders of its own.
// esbuild keeps its parsed files between builds (100 ms); the types are checked beside the running daemon, and errors are shown, not waited for.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, watch } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type BuildContext as Context, context } from 'esbuild';
import { build } from '../build/build.ts';
import { createContext, treeRoot } from '../build/context.ts';
import { pluginLabel, type ResolvedPlugin } from '../build/plugin.ts';
import { BuildError, formatProblem } from '../build/problem.ts';
import { readSet, sourceFolder } from '../build/recorded.ts';
import { bundleError, bundleOptions } from '../build/stages/bundle.ts';
import { check } from '../build/stages/check.ts';

const ctx = createContext();
const home = path.join(tmpdir(), 'pouchd-dev');
const given = process.argv.slice(2);
const args =
  given.length > 0
    ? given
    : ['--root', `${home}/root`, '--state', `${home}/state`, '-H', `unix://${home}/pouchd.sock`, '--debug'];
let daemon: ChildProcess | undefined;
let stopping = false;

function say(text: string): void {
  console.error(`dev: ${text}`);
}

function show(error: unknown): void {
  if (!(error instanceof BuildError)) throw error;
  for (const problem of error.problems) console.error(formatProblem(problem));
}

async function stop(): Promise<void> {
  if (!daemon || daemon.exitCode !== null || daemon.signalCode !== null) return;
  const ended = once(daemon, 'exit');
  daemon.kill('SIGTERM');
  await ended;
}

let bundler: { readonly of: string; readonly context: Context } | undefined;

/** Bundles for development: readable code, source map inside; the esbuild context lives as long as the list of plugins stays. */
async function bundle(plugins: readonly ResolvedPlugin[]): Promise<string> {
  const outfile = path.join(ctx.cacheDir, 'dev/pouchd.cjs');
  const of = plugins.map((plugin) => `${pluginLabel(plugin)} ${plugin.entry}`).join();
  if (bundler?.of !== of) {
    await bundler?.context.dispose();
    const options = { ...bundleOptions(ctx, plugins, path.join(ctx.generatedDir, 'plugins.ts')), banner: {}, footer: {} };
    bundler = { of, context: await context({ ...options, outfile, minify: false, sourcemap: 'linked' }) };
  }
  try {
    await bundler.context.rebuild();
    return outfile;
  } catch (error) {
    throw bundleError(error, plugins);
  }
}

async function rebuild(why: string): Promise<void> {
  const began = performance.now();
  try {
    const { plugins } = await build(ctx, 'manifest');
    const file = await bundle(plugins);
    const built = Math.round(performance.now() - began);
    await stop();
    if (stopping) return;
    daemon = spawn(
      process.execPath,
      [
        '--enable-source-maps',
        path.join(treeRoot, 'build/dev-run.cjs'),
        file,
        JSON.stringify(plugins.map(({ name, version }) => ({ name, version }))),
        ...args,
      ],
      {
        stdio: 'inherit',
      },
    );
    daemon.on('exit', (code, signal) => {
      if (!stopping && signal !== 'SIGTERM' && code !== 0) say(`the daemon ended (${signal ?? code}); waiting for a change`);
    });
    say(`${why}: bundled in ${built} ms, daemon started after ${Math.round(performance.now() - began)} ms`);
    await check(ctx, plugins);
  } catch (error) {
    show(error);
    say('the daemon that runs is the one before');
  }
}

mkdirSync(home, { recursive: true });
const set = readSet(ctx);
const folders = [
  path.join(treeRoot, 'daemon'),
  path.join(treeRoot, 'hookplugins'),
  ...set.pouchd.plugins.flatMap(({ name }) => sourceFolder(ctx, set.dependencies[name] ?? '') ?? []),
];
let pending: NodeJS.Timeout | undefined;
let running: Promise<void> = rebuild('start');
for (const folder of new Set(folders)) {
  watch(folder, { recursive: true }, (_event, name) => {
    if (!name || /(^|\/)(node_modules|\.git)\/|~$|\.sw.$/.test(name)) return;
    clearTimeout(pending);
    pending = setTimeout(() => {
      running = running.then(() => rebuild(`${name} changed`));
    }, 30);
  });
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    stopping = true;
    void Promise.all([stop(), bundler?.context.dispose()]).then(() => process.exit(0));
  });
}
say(`watching ${folders.map((folder) => path.relative(treeRoot, folder)).join(', ')}; DOCKER_HOST is the daemon's -H`);
