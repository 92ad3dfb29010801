// The stages in order, each timed. `until` ends the build after a stage; a stage can also be run alone, the ones before it then come from their caches.
import { renameSync } from 'node:fs';
import type { BuildContext } from './context.ts';
import { currentBuild, inputsKey } from './current.ts';
import type { VerifiedPlugin } from './plugin.ts';
import { bundle } from './stages/bundle.ts';
import { check } from './stages/check.ts';
import { link } from './stages/link.ts';
import { manifest } from './stages/manifest.ts';
import { type Report, report } from './stages/report.ts';
import { resolve } from './stages/resolve.ts';
import { smoke } from './stages/smoke.ts';
import { verify } from './stages/verify.ts';
import { warm } from './stages/warm.ts';

/** The stages of a build, in order; record comes before them, by hack/module. */
export const stageNames = ['resolve', 'verify', 'manifest', 'check', 'bundle', 'warm', 'link', 'smoke', 'report'] as const;

/** A stage's name. */
export type StageName = (typeof stageNames)[number];

/** How far a build came: everything up to `until`. */
export interface BuildResult {
  readonly plugins: readonly VerifiedPlugin[];
  readonly report?: Report;
  readonly stages: Report['stages'];
}

/** Runs the stages up to `until`. Throws a BuildError; what stood in the dist folder before then still stands there. */
export async function build(ctx: BuildContext, until: StageName = 'report'): Promise<BuildResult> {
  const began = performance.now();
  const stages: { name: string; ms: number; note: string }[] = [];
  const time = async <T>(name: StageName, run: () => Promise<T> | T): Promise<T> => {
    const started = performance.now();
    const result = await run();
    const hit = typeof result === 'object' && result !== null && 'hit' in result && result.hit === true;
    stages.push({ name, ms: performance.now() - started, note: hit ? 'kept' : '' });
    return result;
  };
  const reached = (name: StageName): boolean => stageNames.indexOf(until) <= stageNames.indexOf(name);

  const resolved = await time('resolve', () => resolve(ctx));
  if (reached('resolve'))
    return { plugins: resolved.map((plugin) => ({ ...plugin, facts: { registers: [], errors: [], files: [] } })), stages };
  const plugins = await time('verify', () => verify(ctx, resolved));
  if (reached('verify')) return { plugins, stages };
  const manifestFile = await time('manifest', () => manifest(ctx, plugins));
  if (reached('manifest')) return { plugins, stages };
  // the type check is a process of its own; it runs beside the bundler, and its errors come first
  const checking = time('check', () => check(ctx, plugins));
  checking.catch(() => {}); // awaited below; this keeps an early failure from being called unhandled
  if (reached('check')) {
    await checking;
    return { plugins, stages };
  }
  const bundling = time('bundle', () => bundle(ctx, plugins, manifestFile));
  bundling.catch(() => {});
  await checking;
  const bundled = await bundling;
  if (reached('bundle')) return { plugins, stages };
  const warmed = await time('warm', () => warm(ctx, plugins, bundled));
  if (reached('warm')) return { plugins, stages };
  const inputs = inputsKey(ctx, plugins, bundled, warmed);
  const current = until === 'link' ? undefined : currentBuild(ctx, inputs);
  let file = current?.file;
  if (!file) {
    const candidate = await time('link', () => link(ctx, plugins, bundled, warmed));
    if (reached('link')) {
      renameSync(candidate, `${ctx.distDir}/pouchd.untried`);
      return { plugins, stages };
    }
    file = await time('smoke', () => smoke(ctx, plugins, candidate));
  }
  if (reached('smoke')) return { plugins, stages };
  const made = { file, inputs, stages, began, ...(current && { sha256: current.sha256 }) };
  return { plugins, stages, report: report(plugins, bundled, warmed, made) };
}
