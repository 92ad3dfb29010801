// The last stage: what was built, from what, how big, how long. The licences, sizes and duplicate packages come from the bundler's metafile.
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Metafile } from 'esbuild';
import { treeRoot } from '../context.ts';
import type { Identity } from '../current.ts';
import type { VerifiedPlugin } from '../plugin.ts';
import type { Bundle } from './bundle.ts';
import type { Warm } from './warm.ts';

/** One row of the plugin table. */
export interface PluginRow {
  readonly name: string;
  readonly version: string;
  /** Kinds with their points, for people: `container: preCreate, preStart`. */
  readonly kinds: readonly string[];
  /** Bytes of its own code in the bundle, dependencies not counted. */
  readonly bytes: number;
}

/** What a build made. */
export interface Report {
  readonly plugins: readonly PluginRow[];
  readonly file: string;
  readonly sha256: string;
  readonly bytes: number;
  /** Hash of the bundle alone: tells whether two executables differ by the sources or by the code cache. */
  readonly bundleSha256: string;
  /** The executable of an earlier build was right already. */
  readonly isUnchanged: boolean;
  /** npm packages in the bundle: name@version -> licence. */
  readonly licences: Readonly<Record<string, string>>;
  /** Packages that are in the bundle in more than one version. */
  readonly duplicates: readonly string[];
  readonly stages: readonly { readonly name: string; readonly ms: number; readonly note: string }[];
  /** Wall time of the build; some stages run side by side. */
  readonly totalMs: number;
}

/** What the stages before have made. */
export interface Made {
  readonly file: string;
  readonly inputs: string;
  /** Known when the executable of an earlier build is still right. */
  readonly sha256?: string;
  readonly stages: Report['stages'];
  /** When the build began, by performance.now(). */
  readonly began: number;
}

/** Collects the report and writes it and the source map beside the executable, as pouchd.json and pouchd.js.map. */
export function report(plugins: readonly VerifiedPlugin[], bundled: Bundle, warmed: Warm, made: Made): Report {
  const { file, inputs, stages } = made;
  const packages = packagesOf(bundled.metafile);
  const names = [...packages.keys()].map((label) => label.slice(0, label.lastIndexOf('@')));
  const { size, mtimeMs } = statSync(file);
  const sha256 = made.sha256 ?? createHash('sha256').update(readFileSync(file)).digest('hex');
  const identity: Identity = { inputs, sha256, bytes: size, mtimeMs };
  const done: Report = {
    plugins: plugins.map((plugin) => ({
      name: plugin.name,
      version: plugin.version,
      kinds: kindsOf(plugin, warmed),
      bytes: bytesOf(bundled.metafile, plugin.dir),
    })),
    file,
    sha256,
    bytes: size,
    bundleSha256: createHash('sha256').update(readFileSync(bundled.file)).digest('hex'),
    isUnchanged: made.sha256 !== undefined,
    licences: Object.fromEntries(packages),
    duplicates: [...new Set(names.filter((name, index) => names.indexOf(name) !== index))],
    stages,
    totalMs: performance.now() - made.began,
  };
  copyFileSync(bundled.map, `${file}.js.map`);
  writeFileSync(`${file}.json`, `${JSON.stringify({ ...done, ...identity, file: path.basename(file) }, null, 2)}\n`);
  return done;
}

function kindsOf(plugin: VerifiedPlugin, warmed: Warm): string[] {
  const kinds = new Map<string, Set<string>>();
  for (const call of plugin.facts.registers) {
    const points = kinds.get(call.kind) ?? new Set();
    for (const point of call.points) points.add(point);
    kinds.set(call.kind, points);
  }
  if (kinds.size === 0)
    for (const seen of warmed.registrations) if (seen.package === plugin.name) kinds.set(seen.type, new Set());
  return [...kinds].map(([kind, points]) => (points.size > 0 ? `${kind}: ${[...points].join(', ')}` : kind));
}

function bytesOf(metafile: Metafile, dir: string): number {
  const own = `${path.relative(treeRoot, dir)}/`;
  let bytes = 0;
  for (const output of Object.values(metafile.outputs)) {
    for (const [input, { bytesInOutput }] of Object.entries(output.inputs)) {
      if (input.startsWith(own) && !input.slice(own.length).includes('node_modules/')) bytes += bytesInOutput;
    }
  }
  return bytes;
}

function packagesOf(metafile: Metafile): Map<string, string> {
  const dirs = new Set<string>();
  for (const input of Object.keys(metafile.inputs)) {
    const match = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (match?.[1]) dirs.add(path.resolve(treeRoot, match[1]));
  }
  const out = new Map<string, string>();
  for (const dir of [...dirs].sort()) {
    const file = path.join(dir, 'package.json');
    if (!existsSync(file)) continue;
    const { name, version, license } = JSON.parse(readFileSync(file, 'utf8')) as {
      name?: string;
      version?: string;
      license?: unknown;
    };
    out.set(`${name ?? path.basename(dir)}@${version ?? '?'}`, typeof license === 'string' ? license : 'not said');
  }
  return out;
}

/** The report as a table for people. */
export function reportText(done: Report): string {
  const lines: string[] = [];
  if (done.plugins.length === 0) lines.push('plugins   none recorded (hack/module --add-plugin=PKG)');
  const width = Math.max(...done.plugins.map((row) => row.name.length), 0);
  const versions = Math.max(...done.plugins.map((row) => row.version.length), 0);
  for (const [index, row] of done.plugins.entries()) {
    lines.push(
      `${index === 0 ? 'plugins  ' : '         '} ${row.name.padEnd(width)}  ${row.version.padEnd(versions)}  ${row.kinds.join('; ')}`,
    );
  }
  for (const name of done.duplicates) lines.push(`note      ${name} is in the bundle in more than one version`);
  const shown = path.relative(process.cwd(), done.file);
  lines.push(
    `file      ${shown.startsWith('..') ? done.file : shown} (and pouch)${done.isUnchanged ? ', unchanged' : ''}`,
    `sha256    ${done.sha256}`,
    `size      ${(done.bytes / 1e6).toFixed(1)} MB`,
  );
  lines.push(
    `time      ${(done.totalMs / 1000).toFixed(2)} s: ${done.stages.map(({ name, ms, note }) => `${name} ${Math.round(ms)}${note ? ` (${note})` : ''}`).join(', ')} ms`,
  );
  return lines.join('\n');
}
