import { readFileSync } from 'node:fs';
import path from 'node:path';
import { apiVersion } from '../hookplugins/registry.ts';
import { treeRoot } from './context.ts';
import type { ResolvedPlugin } from './plugin.ts';
import { manifestRow } from './stages/manifest.ts';

/**
 * Flags that the embedded Node runs with, and that the code cache is made with: V8 refuses a cache made under other flags.
 * NODE_OPTIONS is not listened to at all (execArgvExtension "none"). The young generation stays small: 3 MB less at rest, 7-40 MB less after a
 * load, at no measurable cost in CPU time; `--optimize-for-size` saves another 2 MB for half as much CPU time again, and is not worth it.
 */
export const runtimeFlags: readonly string[] = [
  '--disable-warning=ExperimentalWarning',
  '--max-semi-space-size=2',
  '--expose-gc', // for daemon/boot/idle-trim.ts
];

/** What is inside an executable, readable without running the bundle. */
export interface BuildInfo {
  readonly version: string;
  readonly apiVersion: number;
  readonly hasCache: boolean;
  readonly plugins: readonly Record<string, unknown>[];
}

/** Describes a build of these plugins; free of times and paths, for two builds must be alike. */
export function buildInfo(plugins: readonly ResolvedPlugin[], hasCache: boolean): BuildInfo {
  const { version } = JSON.parse(readFileSync(path.join(treeRoot, 'package.json'), 'utf8')) as { version: string };
  return { version, apiVersion, hasCache, plugins: plugins.map(manifestRow) };
}
