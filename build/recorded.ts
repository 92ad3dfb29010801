// The recorded set as data: pluginsDir/package.json + package-lock.json, an ordinary npm project. npm owns versions and integrity; ours is
// the `pouchd` key, which keeps the order of recording (npm sorts its dependencies by name) and the folder a plugin was taken from.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type BuildContext, treeRoot } from './context.ts';
import { fail } from './problem.ts';

/** The package name of the plugin API. */
export const apiPackage = '@pouchd/hookplugins';

/** One recorded package. */
export interface RecordedPlugin {
  readonly name: string;
  /** Recorded with --add-volume: it must register a volume driver or volume hooks. */
  readonly volume?: boolean;
}

/** package.json of the recorded set. */
export interface RecordedSet {
  name: string;
  private: true;
  description: string;
  dependencies: Record<string, string>;
  overrides?: Record<string, unknown>;
  pouchd: { plugins: RecordedPlugin[] };
}

interface LockedPackage {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly dependencies?: Record<string, string>;
  readonly peerDependencies?: Record<string, string>;
}

/** package-lock.json, as far as the builder reads it. */
export interface Lock {
  readonly packages: Record<string, LockedPackage>;
}

/** The package.json of the recorded set. */
export function setFile(ctx: BuildContext): string {
  return path.join(ctx.pluginsDir, 'package.json');
}

/** Its package-lock.json. */
export function lockFile(ctx: BuildContext): string {
  return path.join(ctx.pluginsDir, 'package-lock.json');
}

function emptySet(): RecordedSet {
  return {
    name: 'pouchd-plugins',
    private: true,
    description: 'The plugins that are compiled into pouchd. Written by hack/module; an ordinary npm project.',
    dependencies: { [apiPackage]: 'file:api' },
    pouchd: { plugins: [] },
  };
}

/**
 * Brings a missing set into being, empty, and its stand-in for the plugin API up to date: api/ is a package of that name and version without
 * code, there so that npm checks the peer ranges of plugins against this tree and never looks for the API elsewhere.
 */
export function ensureSet(ctx: BuildContext): void {
  const { version } = JSON.parse(readFileSync(path.join(treeRoot, 'hookplugins/package.json'), 'utf8')) as { version: string };
  const api = {
    name: apiPackage,
    version,
    description:
      'Stands for the plugin API of this tree, so that npm can check the versions that plugins ask for; the builder puts hookplugins/ in its place.',
  };
  mkdirSync(path.join(ctx.pluginsDir, 'api'), { recursive: true });
  writeIfChanged(path.join(ctx.pluginsDir, 'api/package.json'), `${JSON.stringify(api, null, 2)}\n`);
  writeIfChanged(path.join(ctx.pluginsDir, '.npmrc'), 'install-links=true\nomit-lockfile-registry-resolved=true\n');
  if (!existsSync(setFile(ctx))) writeFileSync(setFile(ctx), `${JSON.stringify(emptySet(), null, 2)}\n`);
}

function writeIfChanged(file: string, text: string): void {
  if (existsSync(file) && readFileSync(file, 'utf8') === text) return;
  writeFileSync(file, text);
}

/** Reads the set; an absent one is an empty one. Throws a BuildError when it is not what hack/module writes. */
export function readSet(ctx: BuildContext): RecordedSet {
  const file = setFile(ctx);
  if (!existsSync(file)) return emptySet();
  const set = parse<RecordedSet>(file);
  if (!Array.isArray(set.pouchd?.plugins) || typeof set.dependencies !== 'object') {
    fail('recorded wrongly: package.json has no pouchd.plugins list', {
      place: { file, line: 1, column: 1 },
      hint: 'record plugins with hack/module --add-plugin=PKG; hack/module --clean starts over',
    });
  }
  return set;
}

/** Reads the lock; undefined when there is none. */
export function readLock(ctx: BuildContext): Lock | undefined {
  return existsSync(lockFile(ctx)) ? parse<Lock>(lockFile(ctx)) : undefined;
}

function parse<T>(file: string): T {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as T;
  } catch (error) {
    fail(`recorded wrongly: ${path.basename(file)} is not JSON: ${(error as Error).message}`, {
      place: { file, line: 1, column: 1 },
      hint: 'restore the file from version control, or start over with hack/module --clean',
    });
  }
}

/** The folder that a `file:` dependency of the set names, absolute; undefined for a tarball or anything from elsewhere. */
export function sourceFolder(ctx: BuildContext, spec: string): string | undefined {
  if (!spec.startsWith('file:') || /\.(tgz|tar\.gz|tar)$/.test(spec)) return undefined;
  return path.resolve(ctx.pluginsDir, spec.slice('file:'.length));
}
