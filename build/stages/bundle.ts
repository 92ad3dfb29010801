// Bundles the daemon, the manifest and the plugins into one CommonJS file with esbuild. Kept by content: which files the last bundle of the same
// recipe read is known from its metafile; when none of them changed the old bundle is taken without starting esbuild.
// A plugin's `require("NAME")` in the manifest is pointed at the entry that resolve found; the plugin API is always this tree's.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { BuildFailure, BuildOptions, Message, Metafile, Plugin } from 'esbuild';
import { create, hashFiles, hashOf, lookup } from '../content-cache.ts';
import { type BuildContext, treeRoot } from '../context.ts';
import { authorPath, pluginLabel, type ResolvedPlugin } from '../plugin.ts';
import { BuildError, type Problem } from '../problem.ts';
import { apiPackage } from '../recorded.ts';

/** A finished bundle. */
export interface Bundle {
  /** The file, with its function wrapper; ASCII. */
  readonly file: string;
  readonly map: string;
  readonly metafile: Metafile;
  readonly hit: boolean;
}

/** Warnings of esbuild that mean code which would fail at run time. */
const fatal = [
  'ignored-bare-import',
  'empty-import-meta',
  'unsupported-dynamic-import',
  'call-import-namespace',
  'import-is-undefined',
];

/** Bundles; throws a BuildError that names the plugin of each faulty file. */
export async function bundle(ctx: BuildContext, plugins: readonly ResolvedPlugin[], manifestFile: string): Promise<Bundle> {
  const recipe = hashOf(ctx.entry, manifestFile, process.version, ...plugins.flatMap((plugin) => [plugin.name, plugin.entry]));
  const listFile = path.join(ctx.cacheDir, 'bundle-inputs', `${recipe}.json`);
  const fixed = [
    import.meta.filename,
    path.join(treeRoot, 'package-lock.json'),
    path.join(ctx.pluginsDir, 'package-lock.json'),
    ...plugins.map((plugin) => path.join(plugin.dir, 'package.json')),
  ];
  const keyOf = (inputs: readonly string[]): string => hashOf(recipe, hashFiles([...fixed, ...inputs]));

  const known = readList(listFile);
  const old = known && lookup(ctx.cacheDir, 'bundle', keyOf(known));
  if (old) return describe(old, true);
  const dir = await create(ctx.cacheDir, 'bundle', async (draft) => {
    const metafile = await run(ctx, plugins, manifestFile, draft);
    const inputs = Object.keys(metafile.inputs)
      .map((file) => path.resolve(treeRoot, file))
      .sort();
    mkdirSync(path.dirname(listFile), { recursive: true });
    writeFileSync(listFile, JSON.stringify(inputs));
    return keyOf(inputs);
  });
  return describe(dir, false);
}

function describe(dir: string, hit: boolean): Bundle {
  const file = path.join(dir, 'pouchd.js');
  return { file, map: `${file}.map`, metafile: JSON.parse(readFileSync(path.join(dir, 'meta.json'), 'utf8')) as Metafile, hit };
}

function readList(file: string): string[] | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as string[];
  } catch {
    return undefined; // absent or half-written: bundle afresh
  }
}

/** How the daemon is bundled; `make dev` lays its own wishes over it. */
export function bundleOptions(ctx: BuildContext, plugins: readonly ResolvedPlugin[], manifestFile: string) {
  const text = ['.txt', '.md', '.html', '.pem', '.proto', '.sql'];
  return {
    entryPoints: [ctx.entry],
    absWorkingDir: treeRoot,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: `node${process.versions.node}`,
    charset: 'ascii',
    minify: true,
    keepNames: true,
    legalComments: 'none',
    ignoreAnnotations: true,
    sourcemap: 'external',
    sourcesContent: false,
    metafile: true,
    logLevel: 'silent',
    logOverride: Object.fromEntries(fatal.map((id) => [id, 'error' as const])),
    tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true, target: 'es2024' } },
    banner: { js: '(function (exports, require, module, __filename, __dirname) {' },
    footer: { js: '})' },
    loader: { ...Object.fromEntries(text.map((ending) => [ending, 'text' as const])), '.wasm': 'binary' },
    define: { 'process.env.NODE_ENV': '"production"' },
    plugins: [resolver(ctx, plugins, manifestFile)],
  } satisfies BuildOptions;
}

async function run(
  ctx: BuildContext,
  plugins: readonly ResolvedPlugin[],
  manifestFile: string,
  draft: string,
): Promise<Metafile> {
  const esbuild = await import('esbuild');
  try {
    const { metafile } = await esbuild.build({
      ...bundleOptions(ctx, plugins, manifestFile),
      outfile: path.join(draft, 'pouchd.js'),
    });
    const problems = secondApis(metafile);
    if (problems.length > 0) throw new BuildError(problems);
    writeFileSync(path.join(draft, 'meta.json'), JSON.stringify(metafile));
    return metafile;
  } catch (error) {
    throw bundleError(error, plugins);
  } finally {
    await esbuild.stop(); // its helper process would keep this one alive
  }
}

/** What esbuild threw as a BuildError; anything else as it is. */
export function bundleError(error: unknown, plugins: readonly ResolvedPlugin[]): unknown {
  return isFailure(error) ? new BuildError(error.errors.map((message) => toProblem(message, plugins))) : error;
}

function isFailure(error: unknown): error is BuildFailure {
  return error instanceof Error && Array.isArray((error as Partial<BuildFailure>).errors) && !(error instanceof BuildError);
}

function resolver(ctx: BuildContext, plugins: readonly ResolvedPlugin[], manifestFile: string): Plugin {
  const entries = new Map(plugins.map((plugin) => [plugin.name, plugin.entry]));
  return {
    name: 'pouchd',
    setup(build) {
      build.onResolve({ filter: /^@pouchd\/hookplugins(\/testing)?$/ }, ({ path: name }) => ({
        path: path.join(treeRoot, 'hookplugins', name === apiPackage ? 'index.ts' : 'testing.ts'),
      }));
      build.onResolve({ filter: /\/manifest\.ts$/ }, ({ path: name, resolveDir }) =>
        path.resolve(resolveDir, name) === path.join(path.dirname(ctx.entry), 'manifest.ts') ? { path: manifestFile } : undefined,
      );
      build.onResolve({ filter: /^[^./]/, namespace: 'file' }, ({ path: name, importer }) => {
        const entry = importer === manifestFile ? entries.get(name) : undefined;
        return entry ? { path: entry } : undefined;
      });
    },
  };
}

/** Inputs that belong to a plugin API other than the tree's, told by the name in the nearest package.json: a link hides from a test on paths. */
function secondApis(metafile: Metafile): Problem[] {
  const own = path.join(treeRoot, 'hookplugins/');
  const copies = Object.keys(metafile.inputs)
    .map((file) => path.resolve(treeRoot, file))
    .filter((file) => file.includes(`node_modules/${apiPackage}/`) && !file.startsWith(own));
  return copies.slice(0, 1).map((file) => ({
    message: `the bundle holds a second copy of ${apiPackage}`,
    place: { file, line: 1, column: 1 },
    hint: `import it as '${apiPackage}' and keep it in peerDependencies`,
  }));
}

const hints: readonly [RegExp, string][] = [
  [
    /Could not resolve/,
    'add the package to "dependencies" of the plugin and record the plugin again; inside a plugin, write relative imports with ./',
  ],
  [/[Tt]op-level await/, 'register at module load and wait inside a hook, or in initFn of register(), which may be async'],
  [
    /"?\.node"? files/,
    'a native addon cannot be compiled in: use a package in JavaScript or WebAssembly, or talk to a program of its own',
  ],
  [/No loader is configured/, "put the file's content into a .ts, .json, .txt or .wasm file, which can be imported"],
  [/import\.meta/, "import the file itself, or take a path from the plugin's configuration"],
];

function toProblem(message: Message, plugins: readonly ResolvedPlugin[]): Problem {
  const { location } = message;
  const file = location ? path.resolve(treeRoot, location.file) : undefined;
  const plugin = file ? plugins.find((one) => file.startsWith(`${one.dir}/`)) : undefined;
  const hint = plugin && hints.find(([pattern]) => pattern.test(message.text))?.[1];
  return {
    message: message.text,
    ...(hint && { hint }),
    ...(plugin && { package: pluginLabel(plugin) }),
    ...(location &&
      file && { place: { file: plugin ? authorPath(plugin, file) : file, line: location.line, column: location.column + 1 } }),
  };
}
