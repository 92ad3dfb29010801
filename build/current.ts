import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { hashFiles, hashOf } from './content-cache.ts';
import { type BuildContext, treeRoot } from './context.ts';
import type { ResolvedPlugin } from './plugin.ts';
import { buildInfo, runtimeFlags } from './runtime.ts';
import type { Bundle } from './stages/bundle.ts';
import type { Warm } from './stages/warm.ts';

/** What the report keeps of a finished executable, to know it again. */
export interface Identity {
  /** Hash of everything that goes into the executable. */
  readonly inputs: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly mtimeMs: number;
}

/** Hash of everything that goes into the executable: two builds with the same one have the same bytes. */
export function inputsKey(ctx: BuildContext, plugins: readonly ResolvedPlugin[], bundled: Bundle, warmed: Warm): string {
  const own = ['build/loader.cjs', 'build/elf.ts', 'build/stages/link.ts', 'build/stages/smoke.ts'].map((file) =>
    path.join(treeRoot, file),
  );
  const node = statSync(ctx.node);
  const info = JSON.stringify([
    buildInfo(plugins, warmed.cache !== undefined),
    runtimeFlags,
    process.version,
    ctx.arch,
    node.size,
    node.mtimeMs,
  ]);
  return hashOf(info, hashFiles(own), readFileSync(bundled.file), warmed.cache ? readFileSync(warmed.cache) : '');
}

/** The executable in the dist folder when it was made from these inputs, proven then, and not touched since. */
export function currentBuild(ctx: BuildContext, inputs: string): { file: string; sha256: string } | undefined {
  const file = path.join(ctx.distDir, 'pouchd');
  if (!existsSync(`${file}.json`) || !existsSync(path.join(ctx.distDir, 'pouch'))) return undefined;
  const now = statSync(file, { throwIfNoEntry: false });
  const told = JSON.parse(readFileSync(`${file}.json`, 'utf8')) as Partial<Identity>;
  const isSame = told.inputs === inputs && told.sha256 !== undefined && now?.size === told.bytes && now?.mtimeMs === told.mtimeMs;
  return isSame && told.sha256 !== undefined ? { file, sha256: told.sha256 } : undefined;
}
