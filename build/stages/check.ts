// Types of the plugins, judged by the native compiler under plain `strict` with skipLibCheck, not under the project's own stricter flags.
// `@pouchd/hookplugins` is this tree's. A dependency without type declarations is no error, and neither is anything outside the plugins.
import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { tscPath } from '../../hack/tools.ts';
import { cached, hashFiles, hashOf, listFiles } from '../content-cache.ts';
import { type BuildContext, treeRoot } from '../context.ts';
import { authorPath, pluginLabel, type ResolvedPlugin } from '../plugin.ts';
import { BuildError, fail, type Problem } from '../problem.ts';

/** Error codes about a module that has no declarations: its author's choice, not a fault of the plugin. */
const untyped = new Set(['TS7016']);

/** Checks the TypeScript among the plugins; throws a BuildError with every type error. Good results are kept by content. */
export async function check(ctx: BuildContext, plugins: readonly ResolvedPlugin[]): Promise<void> {
  const typed = plugins.filter((plugin) => /\.[mc]?tsx?$/.test(plugin.entry));
  if (typed.length === 0) return;
  const api = readdirSync(path.join(treeRoot, 'hookplugins')).filter((name) => name.endsWith('.ts'));
  const key = hashOf(
    hashFiles(api.map((name) => path.join(treeRoot, 'hookplugins', name))),
    ...typed.map((plugin) => hashFiles(listFiles(plugin.dir))),
    readFileSync(path.join(treeRoot, 'node_modules/tsc-native/package.json')),
    readFileSync(import.meta.filename),
  );
  await cached(ctx.cacheDir, 'types', key, async (draft) => {
    const project = writeProject(ctx, typed);
    const problems = parseDiagnostics(await tsc(project), typed, path.dirname(project));
    if (problems.length > 0) throw new BuildError(problems);
    writeFileSync(path.join(draft, 'ok'), '');
  });
}

function writeProject(ctx: BuildContext, plugins: readonly ResolvedPlugin[]): string {
  mkdirSync(ctx.generatedDir, { recursive: true });
  const project = path.join(ctx.generatedDir, 'tsconfig.json');
  const hookplugins = path.join(treeRoot, 'hookplugins');
  const compilerOptions = {
    target: 'es2024',
    lib: ['es2024', 'esnext.disposable'],
    module: 'preserve',
    moduleResolution: 'bundler',
    strict: true,
    skipLibCheck: true,
    noEmit: true,
    allowImportingTsExtensions: true,
    resolveJsonModule: true,
    esModuleInterop: true,
    allowJs: true,
    maxNodeModuleJsDepth: 0,
    types: ['node'],
    typeRoots: [path.join(treeRoot, 'node_modules/@types')],
    paths: {
      '@pouchd/hookplugins': [path.join(hookplugins, 'index.ts')],
      '@pouchd/hookplugins/testing': [path.join(hookplugins, 'testing.ts')],
    },
  };
  writeFileSync(project, JSON.stringify({ compilerOptions, files: plugins.map((plugin) => plugin.entry) }, null, 2));
  return project;
}

function tsc(project: string): Promise<string> {
  return new Promise((resolve) => {
    execFile(
      tscPath(),
      ['-p', project, '--pretty', 'false'],
      { maxBuffer: 64 << 20, cwd: path.dirname(project) },
      (error, stdout, stderr) => {
        if (error && !/TS\d+/.test(stdout))
          fail(`the type checker did not run: ${stderr.trim() || stdout.trim() || error.message}`);
        resolve(stdout);
      },
    );
  });
}

/** Reads the compiler's plain output; continuation lines (indented) belong to the diagnostic before them. */
export function parseDiagnostics(output: string, plugins: readonly ResolvedPlugin[], cwd = ''): Problem[] {
  const problems: Problem[] = [];
  let mine = false;
  for (const line of output.split('\n')) {
    const match = /^(?:(.+?)\((\d+),(\d+)\): )?error (TS\d+): (.*)$/.exec(line);
    if (!match) {
      const last = problems.at(-1);
      if (mine && last && /^\s+\S/.test(line))
        problems[problems.length - 1] = { ...last, message: `${last.message}\n${line.replace(/^ {2}/, '    ')}` };
      continue;
    }
    const [, at, row, column, code, text] = match as unknown as [string, string | undefined, string, string, string, string];
    const file = at === undefined ? undefined : path.resolve(cwd, at);
    const plugin =
      file === undefined
        ? undefined
        : plugins.find((one) => file.startsWith(`${one.dir}/`) && !file.slice(one.dir.length).includes('/node_modules/'));
    mine = !untyped.has(code) && (plugin !== undefined || file === undefined);
    if (!mine) continue;
    problems.push({
      message: `type error ${code}: ${text}`,
      hint: 'make the types agree with the plugin API; docs/hooks.md has every point and its signature',
      ...(plugin && { package: pluginLabel(plugin) }),
      ...(plugin && file && { place: { file: authorPath(plugin, file), line: Number(row), column: Number(column) } }),
    });
  }
  return problems;
}
