import { readFileSync } from 'node:fs';
import path from 'node:path';
import { apiVersion } from '../hookplugins/registry.ts';
import { treeRoot } from './context.ts';
import type { ResolvedPlugin } from './plugin.ts';
import { manifestRow } from './stages/manifest.ts';

/**
 * Flags that the embedded Node runs with, and that the code cache is made with: V8 refuses a cache made under other flags.
 * NODE_OPTIONS is not listened to at all (execArgvExtension "none").
 */
export const runtimeFlags: readonly string[] = ['--disable-warning=ExperimentalWarning'];

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
