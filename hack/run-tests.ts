#!/usr/bin/env node
// Runs the tests and is not fooled by uvu: see test-result.ts for what makes a file red.
// Unit tests run in one process (unit-process.ts), every other file in a process group of its own with a time limit; what is left of
// the group when the file ends is killed. For each red file `not ok FILE: reason` and the tail of its output are printed, and last,
// alone on a line, `N passed, N failed`, where N counts tests.
import { readFileSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { runGroup } from './process-group.ts';
import { judge, type Verdict } from './test-result.ts';

const root = path.resolve(import.meta.dirname, '..');
const usage = `usage: run-tests.ts [unit|integration|e2e|FILE]... [--jobs=N] [--timeout=SECONDS] [--match=REGEX] [--verbose]`;

interface Options {
  readonly jobs: number;
  readonly timeoutMs: number;
  readonly verbose: boolean;
}

interface Job {
  /** The files judged by this process; several only for the unit tests. */
  readonly files: string[];
  readonly args: string[];
  readonly kind: 'unit' | 'integration' | 'e2e';
}

async function listJobs(targets: string[], match: RegExp): Promise<Job[]> {
  const jobs: Job[] = [];
  for (const target of targets) {
    const isKind = target === 'unit' || target === 'integration' || target === 'e2e';
    const pattern = isKind ? `test/${target}/**/*.test.ts` : path.relative(root, path.resolve(target));
    const files = (await Array.fromAsync(glob(pattern, { cwd: root }))).filter((file) => match.test(file)).sort();
    if (files.length === 0 && !isKind) throw new Error(`no test file matches ${target}`);
    if (target === 'unit') {
      if (files.length > 0) jobs.push({ files, args: [path.join(root, 'hack/unit-process.ts'), ...files], kind: 'unit' });
      continue;
    }
    const kind = pattern.startsWith('test/e2e') ? 'e2e' : 'integration';
    for (const file of files) jobs.push({ files: [file], args: [file], kind });
  }
  return jobs;
}

async function runJob(job: Job, options: Options): Promise<Map<string, Verdict>> {
  const started = performance.now();
  const env: NodeJS.ProcessEnv = { ...process.env, NO_COLOR: '1', NODE_OPTIONS: '', FORCE_COLOR: undefined };
  const run = await runGroup(process.execPath, job.args, { cwd: root, env, timeoutMs: options.timeoutMs });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const verdicts = new Map<string, Verdict>();
  const parts = job.kind === 'unit' ? splitUnit(run.output) : new Map([[job.files[0] ?? '', run.output]]);
  for (const file of job.files) {
    const output = parts.get(file);
    const ended = job.kind === 'unit' && output !== undefined && parts.has(`${file} ended`);
    const verdict: Verdict =
      output === undefined
        ? {
            passed: 0,
            failed: 1,
            reason: `not reached: the unit process ended early (${run.timedOut ? 'time limit' : `code ${run.code}`})`,
          }
        : judge(readFileSync(path.join(root, file), 'utf8'), {
            ...run,
            output,
            ...(ended ? { code: 0, timedOut: false, signal: null } : {}),
          });
    verdicts.set(file, verdict);
    if (verdict.reason) report(file, verdict.reason, output ?? run.output);
    else if (options.verbose) process.stdout.write(output ?? '');
  }
  const passed = [...verdicts.values()].reduce((sum, verdict) => sum + verdict.passed, 0);
  const failed = [...verdicts.values()].reduce((sum, verdict) => sum + verdict.failed, 0);
  const name = job.kind === 'unit' ? `unit (${job.files.length} files)` : job.files[0];
  console.log(`${failed === 0 ? 'ok' : '--'} ${name}: ${passed} passed${failed ? `, ${failed} failed` : ''} in ${seconds} s`);
  return verdicts;
}

/** Cuts the unit process's output at the marks that unit-process.ts prints before and after each file. */
function splitUnit(output: string): Map<string, string> {
  const parts = new Map<string, string>();
  for (const part of output.split(/^#file /m).slice(1)) {
    const file = part.slice(0, part.indexOf('\n'));
    const end = part.search(/^#end$/m);
    parts.set(file, end < 0 ? part : part.slice(0, end));
    if (end >= 0) parts.set(`${file} ended`, '');
  }
  return parts;
}

function report(file: string, reason: string, output: string): void {
  const tail = output.trimEnd().split('\n').slice(-60);
  console.log(`not ok ${file}: ${reason}\n${tail.map((line) => `    ${line}`).join('\n')}`);
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      jobs: { type: 'string', default: '1' },
      timeout: { type: 'string', default: '300' },
      match: { type: 'string', default: '' },
      verbose: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(usage);
  const options: Options = {
    jobs: Math.min(Math.max(1, Number(values.jobs) || 1), availableParallelism()),
    timeoutMs: Number(values.timeout) * 1000,
    verbose: values.verbose,
  };
  const jobs = await listJobs(positionals.length > 0 ? positionals : ['unit', 'integration', 'e2e'], new RegExp(values.match));
  const results: Verdict[] = [];
  const pending = jobs.filter((job) => job.kind !== 'e2e');
  const worker = async (queue: Job[]): Promise<void> => {
    for (let job = queue.shift(); job; job = queue.shift()) results.push(...(await runJob(job, options)).values());
  };
  await Promise.all(Array.from({ length: options.jobs }, () => worker(pending)));
  await worker(jobs.filter((job) => job.kind === 'e2e')); // one at a time: they own the machine's ports and firewall
  const passed = results.reduce((sum, verdict) => sum + verdict.passed, 0);
  const failed = results.reduce((sum, verdict) => sum + verdict.failed, 0) + (jobs.length === 0 ? 1 : 0);
  if (jobs.length === 0) console.log('not ok: no test file matches');
  process.exitCode = failed === 0 ? 0 : 1;
  console.log(`${passed} passed, ${failed} failed`);
}

await main();
