// From what is recorded to what is on disk: package.json and lock agree, node_modules is in step, and every plugin has an entry module.
// The order of the list is the order in which plugins are loaded: as recorded, then moved as the `order` hints of the plugins ask.
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { type Orderable, orderPlugins } from '../../hookplugins/order.ts';
import type { BuildContext } from '../context.ts';
import { install, installedDir } from '../install.ts';
import { packageEntry } from '../package-entry.ts';
import { type PluginKey, pluginLabel, type ResolvedPlugin } from '../plugin.ts';
import { BuildError, fail, type Problem } from '../problem.ts';
import { apiPackage, type Lock, lockFile, type RecordedSet, readLock, readSet, setFile, sourceFolder } from '../recorded.ts';

const again = 'record it again with hack/module --add-plugin=PKG, or take it out with hack/module --remove-plugin=PKG';

/** Resolves the recorded set; installs what is missing. Throws a BuildError that lists everything recorded wrongly. */
export async function resolve(ctx: BuildContext): Promise<ResolvedPlugin[]> {
  const set = readSet(ctx);
  const lock = readLock(ctx);
  const problems = compare(ctx, set, lock);
  if (problems.length > 0) throw new BuildError(problems);
  await install(ctx, set);
  const plugins = set.pouchd.plugins.map(({ name, volume }) => locate(ctx, set, lock, name, volume === true));
  return inOrder(plugins);
}

/** What package.json, its `pouchd` list and the lock say differently; empty when they agree. */
export function compare(ctx: BuildContext, set: RecordedSet, lock: Lock | undefined): Problem[] {
  const names = set.pouchd.plugins.map((plugin) => plugin.name);
  if (names.length === 0 && !lock) return [];
  const at = (file: string, text: string) => ({ place: placeOf(file, `"${text}"`), hint: again });
  const wrong: Problem[] = [];
  const file = setFile(ctx);
  for (const name of new Set(names)) {
    if (names.filter((other) => other === name).length > 1)
      wrong.push({ package: name, message: 'recorded wrongly: listed twice in pouchd.plugins', ...at(file, name) });
    if (!(name in set.dependencies))
      wrong.push({ package: name, message: 'recorded wrongly: in pouchd.plugins, not in dependencies', ...at(file, name) });
    const spec = set.dependencies[name] ?? '';
    const source = sourceFolder(ctx, spec);
    if (source && !existsSync(path.join(source, 'package.json'))) {
      wrong.push({
        package: name,
        message: `recorded from the folder ${source}, which holds no package.json any more`,
        ...at(file, name),
      });
    }
  }
  for (const name of Object.keys(set.dependencies)) {
    if (name !== apiPackage && !names.includes(name))
      wrong.push({ package: name, message: 'recorded wrongly: in dependencies, not in pouchd.plugins', ...at(file, name) });
  }
  const locked = lock?.packages[''];
  if (!lock || !locked)
    return [...wrong, { message: 'recorded wrongly: package-lock.json is missing or empty', ...at(file, 'dependencies') }];
  for (const [name, spec] of Object.entries(set.dependencies)) {
    if (locked.dependencies?.[name] !== spec || !lock.packages[`node_modules/${name}`]) {
      wrong.push({
        package: name,
        message: `recorded wrongly: package.json says ${spec}, package-lock.json ${locked.dependencies?.[name] ?? 'nothing'}`,
        ...at(lockFile(ctx), name),
      });
    }
  }
  return wrong;
}

function locate(ctx: BuildContext, set: RecordedSet, lock: Lock | undefined, name: string, volume: boolean): ResolvedPlugin {
  const link = installedDir(ctx, name);
  const file = path.join(link, 'package.json');
  if (!existsSync(file)) fail('npm did not install it', { package: name, hint: again });
  const dir = realpathSync(link);
  const spec = set.dependencies[name] ?? '';
  const source = sourceFolder(ctx, spec);
  const shown = source ? path.join(source, 'package.json') : file;
  let pkg: { name?: string; version?: string; pouchd?: PluginKey; main?: string };
  try {
    pkg = JSON.parse(readFileSync(file, 'utf8')) as typeof pkg;
  } catch (error) {
    fail(`package.json is not JSON: ${(error as Error).message}`, {
      package: name,
      place: { file: shown, line: 1, column: 1 },
      hint: 'repair the file',
    });
  }
  const version = pkg.version ?? '0.0.0';
  const locked = lock?.packages[`node_modules/${name}`];
  if (locked?.integrity && !source && locked.version !== version) {
    fail(`the lock says version ${locked.version}, installed is ${version}`, {
      package: name,
      hint: 'delete node_modules of the recorded set and run make again',
    });
  }
  const entry = packageEntry(dir, pkg);
  if (!entry) {
    fail(
      `its package.json names an entry that is not there (${JSON.stringify((pkg as { exports?: unknown }).exports ?? pkg.main ?? 'index.js')})`,
      {
        package: pluginLabel({ name, version }),
        place: { file: shown, line: 1, column: 1 },
        hint: 'build the package first, or let "exports" or "main" name a file that is in the package; TypeScript files are fine',
      },
    );
  }
  const integrity = locked?.integrity;
  return {
    name,
    version,
    spec,
    dir,
    entry,
    key: pkg.pouchd ?? {},
    volume,
    ...(integrity && { integrity }),
    ...(source && { source }),
  };
}

function inOrder(plugins: ResolvedPlugin[]): ResolvedPlugin[] {
  const items = plugins.map((plugin): Orderable & { plugin: ResolvedPlugin } => ({
    ...plugin.key.order,
    id: plugin.name,
    package: plugin.name,
    plugin,
  }));
  try {
    return orderPlugins(items).map((item) => item.plugin);
  } catch (error) {
    fail((error as Error).message, {
      hint: 'change the `order` hints in the `pouchd` key of the packages named, or record the missing one',
    });
  }
}

function placeOf(file: string, text: string): { file: string; line: number; column: number } {
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
  const line = lines.findIndex((candidate) => candidate.includes(text));
  return { file, line: Math.max(line, 0) + 1, column: line < 0 ? 1 : (lines[line] ?? '').indexOf(text) + 1 };
}
