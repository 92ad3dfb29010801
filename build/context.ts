import path from 'node:path';
import { nodePath } from '../hack/tools.ts';

/** The tree this builder stands in. */
export const treeRoot: string = path.resolve(import.meta.dirname, '..');

/** Where a build reads and writes. Every path is absolute. */
export interface BuildContext {
  /** The recorded set: an npm project. */
  readonly pluginsDir: string;
  /** The generated manifest and type-check settings; a neighbour of the recorded set. */
  readonly generatedDir: string;
  /** Where the executable is put. */
  readonly distDir: string;
  /** Results by content; may be deleted at any time. */
  readonly cacheDir: string;
  /** The module that starts the daemon. */
  readonly entry: string;
  /** The processor the executable is for, `x64` or `arm64`. */
  readonly arch: string;
  /** The Node that is embedded. */
  readonly node: string;
  /** Packages of Pouch's first version (exports instead of registrations) are taken: for plugin files, which are adapted when they are loaded. */
  readonly allowsFirstVersion: boolean;
}

/** Flags of the builder that choose its folders; each has an environment variable, the flag wins. */
export interface ContextOptions {
  readonly pluginsDir?: string | undefined;
  readonly distDir?: string | undefined;
  readonly cacheDir?: string | undefined;
  readonly entry?: string | undefined;
  readonly arch?: string | undefined;
  readonly allowsFirstVersion?: boolean;
}

/** Settles the folders: flags, then POUCHD_PLUGINS_DIR, POUCHD_DIST_DIR, POUCHD_BUILD_CACHE_DIR, POUCHD_BUILD_ENTRY, then the tree's own. */
export function createContext(options: ContextOptions = {}, env: NodeJS.ProcessEnv = process.env): BuildContext {
  const pick = (flag: string | undefined, name: string, standard: string): string =>
    path.resolve(flag ?? env[name] ?? path.join(treeRoot, standard));
  const pluginsDir = pick(options.pluginsDir, 'POUCHD_PLUGINS_DIR', 'build/plugins');
  const arch = options.arch ?? process.arch;
  return {
    pluginsDir,
    generatedDir: path.join(path.dirname(pluginsDir), 'generated'),
    distDir: pick(options.distDir, 'POUCHD_DIST_DIR', 'build/dist'),
    cacheDir: pick(options.cacheDir, 'POUCHD_BUILD_CACHE_DIR', 'build/cache'),
    entry: pick(options.entry, 'POUCHD_BUILD_ENTRY', 'daemon/boot/main.ts'),
    arch,
    node: nodePath(arch),
    allowsFirstVersion: options.allowsFirstVersion === true,
  };
}
