// Finds the module of a package that a plain import of its name would load, the way Node and bundlers agree on, but reading `exports`
// for `import` and for `require` alike: a plugin may ship either. TypeScript entries are fine, they are bundled from source.
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';

const conditions = new Set(['node', 'import', 'module', 'require', 'default']);
const endings = ['', '.ts', '.mts', '.cts', '.js', '.mjs', '.cjs', '.json', '/index.ts', '/index.js', '/index.mjs', '/index.cjs'];

/** What the entry depends on in a package.json. */
export interface EntryFields {
  readonly exports?: unknown;
  readonly module?: unknown;
  readonly main?: unknown;
}

/** The absolute path of a package's entry; undefined when what package.json names is not there. */
export function packageEntry(dir: string, pkg: EntryFields): string | undefined {
  const named = pkg.exports === undefined ? (text(pkg.module) ?? text(pkg.main)) : exported(rootExport(pkg.exports));
  if (named === undefined) return pkg.exports === undefined ? resolveFile(path.join(dir, 'index')) : undefined;
  return resolveFile(path.join(dir, named));
}

/** Completes a path the way CommonJS and TypeScript authors leave it off: ending, `index`, `.js` written for a `.ts` file. */
export function resolveFile(base: string): string | undefined {
  for (const ending of endings) {
    const file = base + ending;
    if (existsSync(file) && statSync(file).isFile()) return file;
  }
  const source = base.replace(/\.(m|c)?js$/, '.$1ts');
  return source !== base && existsSync(source) ? source : undefined;
}

function rootExport(exports: unknown): unknown {
  if (typeof exports === 'object' && exports !== null && !Array.isArray(exports) && '.' in exports) return exports['.'];
  return exports;
}

function exported(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.map(exported).find((found) => found !== undefined);
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [condition, target] of Object.entries(value)) {
    const found = conditions.has(condition) ? exported(target) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
