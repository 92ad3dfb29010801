// Changes what is recorded: pluginsDir/package.json, package-lock.json and tarballs/. npm does the work; a change is a transaction: the files
// are put back as they were when npm, or the verification of what came in, fails (or always, for a dry run). One change at a time.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { BuildContext } from '../context.ts';
import { installedDir, stampInstalled } from '../install.ts';
import { npm } from '../npm.ts';
import { explain, nameOf, npmSpec } from '../package-spec.ts';
import { pluginLabel, type VerifiedPlugin } from '../plugin.ts';
import { BuildError, fail } from '../problem.ts';
import { ensureSet, lockFile, type RecordedSet, readSet, setFile } from '../recorded.ts';
import { check } from './check.ts';
import { resolve } from './resolve.ts';
import { verify } from './verify.ts';

/** One thing to do to the set, in the order of the command line. */
export type Change =
  | { readonly do: 'add'; readonly spec: string; readonly volume: boolean }
  | { readonly do: 'remove'; readonly name: string };

/** What came of the changes. */
export interface Recorded {
  readonly added: readonly VerifiedPlugin[];
  readonly removed: readonly string[];
}

/** Applies changes, all or none. `cwd` is where relative paths in specs start; a dry run tells the result and leaves everything as it was. */
export async function record(ctx: BuildContext, changes: readonly Change[], cwd: string, isDryRun = false): Promise<Recorded> {
  await using set = await openSet(ctx);
  const names: string[] = [];
  const removed: string[] = [];
  for (const change of changes) {
    if (change.do === 'add') names.push(await add(ctx, change.spec, change.volume, cwd));
    else removed.push(await remove(ctx, change.name));
  }
  stampInstalled(ctx, readSet(ctx));
  const added = await prove(ctx, names);
  if (!isDryRun) set.keep();
  return { added, removed };
}

/** Empties the set: nothing recorded, nothing installed. */
export async function clean(ctx: BuildContext): Promise<void> {
  const set = await openSet(ctx);
  for (const name of ['package.json', 'package-lock.json', 'node_modules', 'tarballs', 'api'])
    rmSync(path.join(ctx.pluginsDir, name), { recursive: true, force: true });
  ensureSet(ctx);
  set.keep();
  await set[Symbol.asyncDispose]();
}

interface OpenSet extends AsyncDisposable {
  keep(): void;
}

/** Takes the set's lock and remembers its files; disposal puts them back unless keep() was called. */
async function openSet(ctx: BuildContext): Promise<OpenSet> {
  ensureSet(ctx);
  const lock = path.join(ctx.pluginsDir, '.recording');
  takeLock(lock);
  const files = [setFile(ctx), lockFile(ctx)];
  const before = files.map((file) => (existsSync(file) ? readFileSync(file) : undefined));
  let kept = false;
  return {
    keep: () => {
      kept = true;
    },
    async [Symbol.asyncDispose]() {
      if (!kept) {
        for (const [index, file] of files.entries()) {
          const content = before[index];
          if (content) writeFileSync(file, content);
          else rmSync(file, { force: true });
        }
        rmSync(path.join(ctx.pluginsDir, 'node_modules/.pouchd-installed.json'), { force: true }); // the next build installs what is recorded again
      }
      dropUnusedTarballs(ctx);
      rmSync(lock, { force: true });
    },
  };
}

function takeLock(lock: string): void {
  for (let tries = 0; ; tries += 1) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || tries > 0) throw error;
    }
    const owner = Number(readFileSync(lock, 'utf8'));
    if (owner && existsSync(`/proc/${owner}`))
      fail(`another hack/module (process ${owner}) is changing the recorded plugins`, { hint: 'wait until it is done' });
    rmSync(lock, { force: true }); // its owner died
  }
}

async function add(ctx: BuildContext, spec: string, volume: boolean, cwd: string): Promise<string> {
  const wanted = npmSpec(ctx, spec, cwd);
  const before = readSet(ctx).dependencies;
  const { ok, output } = await npm(ctx, ctx.pluginsDir, ['install', '--save', '--save-exact', '--install-links', wanted]);
  if (!ok) throw explain(spec, output);
  const set = readSet(ctx);
  const name = nameOf(ctx, wanted, before, set.dependencies);
  if (!name)
    fail(`npm installed ${spec}, but under no name that package.json tells`, { hint: 'give the package as NAME@VERSION' });
  const known = set.pouchd.plugins.filter((plugin) => plugin.name !== name);
  const at = set.pouchd.plugins.findIndex((plugin) => plugin.name === name);
  known.splice(at < 0 ? known.length : at, 0, { name, ...(volume && { volume }) });
  writeSet(ctx, { ...set, pouchd: { plugins: known } });
  return name;
}

async function remove(ctx: BuildContext, name: string): Promise<string> {
  const set = readSet(ctx);
  const plain = name.replace(/\/$/, '');
  const found = set.pouchd.plugins.find(
    (plugin) => plugin.name === plain || set.dependencies[plugin.name]?.endsWith(`/${plain}`),
  );
  if (!found) {
    const list = set.pouchd.plugins.map((plugin) => plugin.name).join(', ') || 'nothing';
    fail(`${name} is not recorded`, { hint: `recorded is: ${list}` });
  }
  const { ok, output } = await npm(ctx, ctx.pluginsDir, ['uninstall', '--save', '--install-links', found.name]);
  if (!ok) throw explain(name, output);
  writeSet(ctx, { ...readSet(ctx), pouchd: { plugins: set.pouchd.plugins.filter((plugin) => plugin !== found) } });
  return found.name;
}

function writeSet(ctx: BuildContext, set: RecordedSet): void {
  writeFileSync(setFile(ctx), `${JSON.stringify(set, null, 2)}\n`);
}

function dropUnusedTarballs(ctx: BuildContext): void {
  const home = path.join(ctx.pluginsDir, 'tarballs');
  if (!existsSync(home)) return;
  const used = Object.values(readSet(ctx).dependencies);
  for (const name of readdirSync(home)) if (!used.includes(`file:tarballs/${name}`)) rmSync(path.join(home, name));
  if (readdirSync(home).length === 0) rmSync(home, { recursive: true });
}

/** Verifies what was added, together with the rest; faults of the rest are not the newcomer's. */
async function prove(ctx: BuildContext, names: readonly string[]): Promise<VerifiedPlugin[]> {
  if (names.length === 0) return [];
  const resolved = await resolve(ctx);
  const added = resolved.filter((plugin) => names.includes(plugin.name));
  const labels = new Set(added.flatMap((plugin) => [pluginLabel(plugin), plugin.name]));
  const others = new Set(
    resolved.filter((plugin) => !names.includes(plugin.name)).flatMap((plugin) => [pluginLabel(plugin), plugin.name]),
  );
  let verified: VerifiedPlugin[];
  try {
    verified = await verify(ctx, resolved);
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    const theirs = error.problems.filter(
      (problem) => !problem.package || labels.has(problem.package) || !others.has(problem.package),
    );
    if (theirs.length > 0) throw new BuildError(theirs);
    verified = await verify(ctx, added);
  }
  const proven = verified.filter((plugin) => names.includes(plugin.name));
  await check(ctx, proven);
  return proven;
}

/** Whether the package of this name is installed in the set. */
export function isInstalled(ctx: BuildContext, name: string): boolean {
  return existsSync(path.join(installedDir(ctx, name), 'package.json'));
}
