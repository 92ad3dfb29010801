// Syntactic verification of every plugin: what it registers at module load and what it may not do. ts-morph (0.4 s to load) is loaded
// only when a plugin's files changed; what was found is kept by content, errors too.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { cached, hashFiles, hashOf, listFiles } from '../content-cache.ts';
import { type BuildContext, treeRoot } from '../context.ts';
import { authorPath, pluginLabel, type ResolvedPlugin, type VerifiedPlugin } from '../plugin.ts';
import { BuildError, type Problem } from '../problem.ts';
import { apiPackage, readLock } from '../recorded.ts';
import type { Facts, Objection, RegisterCall } from '../scan-facts.ts';

/** Verifies all plugins; throws one BuildError with everything found in any of them. */
export async function verify(ctx: BuildContext, plugins: readonly ResolvedPlugin[]): Promise<VerifiedPlugin[]> {
  const verified: VerifiedPlugin[] = [];
  const problems: Problem[] = [];
  for (const plugin of plugins) {
    const scanned = await scan(ctx, plugin);
    const facts = { ...scanned, errors: scanned.errors.filter((one) => !(one.firstVersion && ctx.allowsFirstVersion)) };
    verified.push({ ...plugin, facts });
    problems.push(...facts.errors.map((objection) => toProblem(plugin, objection)));
    if (
      plugin.volume &&
      facts.errors.length === 0 &&
      !facts.registers.some((call) => call.kind === 'volume' || call.kind === 'volumeDriver')
    ) {
      problems.push({
        package: pluginLabel(plugin),
        message: 'recorded as a volume plugin, but it registers no volume driver and no volume hooks',
        place: { file: authorPath(plugin, plugin.entry), line: 1, column: 1 },
        hint: 'call registerVolumeDriver() or registerVolumePlugin(), or record it with --add-plugin',
      });
    }
  }
  problems.push(...secondApis(ctx, plugins), ...twiceAcross(verified));
  if (problems.length > 0) throw new BuildError(problems);
  return verified;
}

async function scan(ctx: BuildContext, plugin: ResolvedPlugin): Promise<Facts> {
  const key = hashOf(plugin.name, path.relative(plugin.dir, plugin.entry), hashFiles(listFiles(plugin.dir)), scannerHash());
  const { dir } = await cached(ctx.cacheDir, 'scan', key, async (draft) => {
    const { scanPackage } = await import('../scan.ts');
    writeFileSync(path.join(draft, 'facts.json'), JSON.stringify(scanPackage(plugin.dir, plugin.entry, plugin.name)));
  });
  return JSON.parse(readFileSync(path.join(dir, 'facts.json'), 'utf8')) as Facts;
}

let scanner: string | undefined;
function scannerHash(): string {
  const own = readdirSync(path.join(treeRoot, 'build')).filter((name) => /^(scan|package-entry)/.test(name));
  scanner ??= hashFiles([...own.map((name) => path.join(treeRoot, 'build', name)), path.join(treeRoot, 'hookplugins/points.ts')]);
  return scanner;
}

function toProblem(plugin: ResolvedPlugin, { message, hint, file, line, column }: Objection): Problem {
  return {
    package: pluginLabel(plugin),
    message,
    hint,
    place: { file: authorPath(plugin, path.join(plugin.dir, file)), line, column },
  };
}

/** Plugins that bring the plugin API along: a copy would register into nothing, or into the wrong version. */
function secondApis(ctx: BuildContext, plugins: readonly ResolvedPlugin[]): Problem[] {
  const suffix = `/node_modules/${apiPackage}`;
  const locked = Object.keys(readLock(ctx)?.packages ?? {}).filter((where) => where.endsWith(suffix));
  return plugins.flatMap((plugin) => {
    const file = path.join(plugin.dir, 'package.json');
    const text = readFileSync(file, 'utf8');
    const asked = (JSON.parse(text) as { dependencies?: Record<string, string> }).dependencies?.[apiPackage];
    const bundled =
      existsSync(path.join(plugin.dir, suffix)) || locked.some((where) => where.startsWith(`node_modules/${plugin.name}/`));
    if (asked === undefined && !bundled) return [];
    const line = text.split('\n').findIndex((one) => one.includes(`"${apiPackage}"`)) + 1;
    return {
      package: pluginLabel(plugin),
      message: `brings a second plugin API: ${asked === undefined ? `${apiPackage} is inside its node_modules` : `${apiPackage} is in its "dependencies" (${asked})`}`,
      place: { file: authorPath(plugin, file), line: Math.max(line, 1), column: 1 },
      hint: `move ${apiPackage} to "peerDependencies", with a range that this tree's version fits, and leave it out of what is packed`,
    };
  });
}

function twiceAcross(plugins: readonly VerifiedPlugin[]): Problem[] {
  const first = new Map<string, { plugin: VerifiedPlugin; call: RegisterCall }>();
  const problems: Problem[] = [];
  for (const plugin of plugins) {
    for (const call of plugin.facts.registers) {
      const id = call.id ?? plugin.name;
      const before = first.get(`${call.kind} ${id}`);
      if (!before) first.set(`${call.kind} ${id}`, { plugin, call });
      else if (before.plugin !== plugin && !id.includes('@')) {
        problems.push({
          package: pluginLabel(plugin),
          message: `registers ${call.kind} plugin ${id}, which ${pluginLabel(before.plugin)} registers too`,
          place: { file: authorPath(plugin, path.join(plugin.dir, call.file)), line: call.line, column: call.column },
          hint: 'give one of the two another id, or take one of the packages out',
        });
      }
    }
  }
  return problems;
}
