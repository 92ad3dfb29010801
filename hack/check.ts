// make check: every check of the source, two at a time, each one's output shown only when it fails. Names as arguments run those alone.
import path from 'node:path';
import { runGroup } from './process-group.ts';
import { tscPath } from './tools.ts';

const root = path.resolve(import.meta.dirname, '..');
const bin = (file: string): string => path.join(root, 'node_modules', file);
const node = process.execPath;
const isTerminal = process.stdout.isTTY === true;

const checks: Record<string, readonly string[]> = {
  types: [tscPath(), '-p', 'tsconfig.json', '--pretty', String(isTerminal)],
  lint: [node, bin('@biomejs/biome/bin/biome'), 'check', '--diagnostic-level=warn', `--colors=${isTerminal ? 'force' : 'off'}`],
  floors: [node, 'hack/check-floors.ts'],
  unused: [node, bin('knip/bin/knip.js'), '--no-progress'],
  api: [node, 'hack/check-api.ts'],
  docs: [node, 'hack/generate-docs.ts', '--check'],
  proto: [node, 'hack/generate-proto.ts', '--check'],
  unit: [node, 'hack/run-tests.ts', 'unit'],
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in checks));
if (unknown.length > 0) throw new Error(`no such check: ${unknown.join(', ')} (${Object.keys(checks).join(', ')})`);

const queue = Object.entries(checks).filter(([name]) => wanted.length === 0 || wanted.includes(name));
const failed: string[] = [];
const began = performance.now();

async function worker(): Promise<void> {
  for (let next = queue.shift(); next; next = queue.shift()) {
    const [name, [command, ...args]] = next as [string, [string, ...string[]]];
    const started = performance.now();
    const run = await runGroup(command, args, { cwd: root, env: process.env, timeoutMs: 180_000 });
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    const ok = run.code === 0 && !run.timedOut;
    if (!ok) failed.push(name);
    console.log(`${ok ? 'ok    ' : 'not ok'} ${name} ${seconds} s`);
    if (!ok) console.log(run.output.trimEnd());
  }
}

await Promise.all([worker(), worker()]);
const seconds = ((performance.now() - began) / 1000).toFixed(1);
console.log(failed.length === 0 ? `check passed in ${seconds} s` : `check failed in ${seconds} s: ${failed.join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;
