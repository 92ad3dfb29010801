// Brings node_modules of the recorded set in step with its lock, and never changes what is recorded. A plugin recorded as a folder is a
// copy; when the folder's files change, the copy is refreshed here without npm, so that edit and `make` is quick.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { hashFiles, hashOf, listFiles } from './content-cache.ts';
import type { BuildContext } from './context.ts';
import { npm } from './npm.ts';
import { fail } from './problem.ts';
import { lockFile, type RecordedSet, setFile, sourceFolder } from './recorded.ts';

interface Stamp {
  /** package.json and lock. */
  set: string;
  /** Content of each folder that a copy was made of, by package name. */
  folders: Record<string, string>;
}

/** The folder npm puts a package of the set in. */
export function installedDir(ctx: BuildContext, name: string): string {
  return path.join(ctx.pluginsDir, 'node_modules', name);
}

/** Installs what the lock says when it is not there yet, then refreshes the copies of folders. */
export async function install(ctx: BuildContext, set: RecordedSet): Promise<void> {
  const names = set.pouchd.plugins.map((plugin) => plugin.name);
  if (names.length === 0) return;
  const stamp = readStamp(ctx);
  const now = hashFiles([setFile(ctx), lockFile(ctx)]);
  if (stamp?.set !== now || names.some((name) => !existsSync(installedDir(ctx, name)))) {
    const { ok, output } = await npm(ctx, ctx.pluginsDir, ['install', '--no-save', '--prefer-offline']);
    if (!ok)
      fail(`npm could not install the recorded plugins:\n${output.trim()}`, {
        hint: 'see what npm says above; hack/module --list shows what is recorded',
      });
    stampInstalled(ctx, set);
    return;
  }
  refresh(ctx, set, stamp);
}

/** Notes that node_modules fits the set as it is now, and copies folders afresh; to be called after npm has installed. */
export function stampInstalled(ctx: BuildContext, set: RecordedSet): void {
  refresh(ctx, set, { set: hashFiles([setFile(ctx), lockFile(ctx)]), folders: {} });
}

function refresh(ctx: BuildContext, set: RecordedSet, stamp: Stamp): void {
  const folders: Record<string, string> = {};
  for (const { name } of set.pouchd.plugins) {
    const source = sourceFolder(ctx, set.dependencies[name] ?? '');
    if (!source || !existsSync(path.join(source, 'package.json'))) continue; // resolve tells of a folder that is gone
    const files = listFiles(source);
    const content = hashOf(...files.map((file) => path.relative(source, file)), hashFiles(files));
    folders[name] = content;
    if (stamp.folders[name] !== content) copyFolder(ctx, name, source, files);
  }
  if (readStampText(ctx) !== JSON.stringify({ set: stamp.set, folders })) {
    mkdirSync(path.dirname(stampFile(ctx)), { recursive: true });
    writeFileSync(stampFile(ctx), JSON.stringify({ set: stamp.set, folders }));
  }
}

function copyFolder(ctx: BuildContext, name: string, source: string, files: readonly string[]): void {
  const target = installedDir(ctx, name);
  checkDependencies(name, source, target);
  mkdirSync(target, { recursive: true });
  for (const entry of readdirSync(target)) {
    if (entry !== 'node_modules') rmSync(path.join(target, entry), { recursive: true, force: true });
  }
  for (const file of files) cpSync(file, path.join(target, path.relative(source, file)), { dereference: true });
}

/** npm has installed the dependencies that the folder had when it was recorded; others need npm, and change the lock. */
function checkDependencies(name: string, source: string, target: string): void {
  const before = dependenciesOf(path.join(target, 'package.json'));
  const now = dependenciesOf(path.join(source, 'package.json'));
  if (before === undefined || before === now) return;
  fail('its dependencies changed since it was recorded', {
    package: name,
    place: { file: path.join(source, 'package.json'), line: 1, column: 1 },
    hint: `record it again: hack/module --add-plugin=${source}`,
  });
}

function dependenciesOf(file: string): string | undefined {
  if (!existsSync(file)) return undefined;
  try {
    const { dependencies, peerDependencies, optionalDependencies } = JSON.parse(readFileSync(file, 'utf8')) as Record<
      string,
      unknown
    >;
    return JSON.stringify([dependencies ?? {}, peerDependencies ?? {}, optionalDependencies ?? {}]);
  } catch (error) {
    fail(`package.json is not JSON: ${(error as Error).message}`, {
      place: { file, line: 1, column: 1 },
      hint: 'repair the file',
    });
  }
}

function stampFile(ctx: BuildContext): string {
  return path.join(ctx.pluginsDir, 'node_modules/.pouchd-installed.json');
}

function readStampText(ctx: BuildContext): string | undefined {
  return existsSync(stampFile(ctx)) ? readFileSync(stampFile(ctx), 'utf8') : undefined;
}

function readStamp(ctx: BuildContext): Stamp | undefined {
  const text = readStampText(ctx);
  return text === undefined ? undefined : (JSON.parse(text) as Stamp);
}
