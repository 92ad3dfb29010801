import { existsSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');

/** The native TypeScript compiler as a program; started directly, for its node wrapper costs 90 ms. */
export function tscPath(): string {
  return path.join(root, `node_modules/@typescript/typescript-linux-${process.arch}/lib/tsc`);
}

/** The tree's own Node for a target, from npm; throws when it is not installed. */
export function nodePath(arch: string = process.arch): string {
  const file = path.join(root, `node_modules/node-linux-${arch}/bin/node`);
  if (!existsSync(file)) throw new Error(`no Node for ${arch} in node_modules: run \`make setup\` on a machine of that kind`);
  return file;
}
