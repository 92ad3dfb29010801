/** What one run of a test file told: uvu's own summary, and what the runner saw of the process. */
export interface FileRun {
  /** Everything the file printed, standard error included. */
  readonly output: string;
  /** Exit code; null when a signal ended the process. */
  readonly code: number | null;
  readonly signal: string | null;
  /** The runner ended it because its time was up. */
  readonly timedOut: boolean;
}

/** One file's verdict; `reason` is set when the file is red for whatever cause. */
export interface Verdict {
  readonly passed: number;
  readonly failed: number;
  readonly reason?: string;
}

interface Summary {
  readonly total: number;
  readonly passed: number;
  readonly skipped: number;
}

/** Reads uvu's closing summary (the last one printed); undefined when there is none. */
export function readSummary(output: string): Summary | undefined {
  // biome-ignore lint/complexity/useRegexLiterals: the escape character reads better spelled out
  const plain = output.replace(new RegExp('\u001b\\[[0-9;]*m', 'g'), '');
  const all = [...plain.matchAll(/^ {2}Total: +(\d+)\n {2}Passed: +(\d+)\n {2}Skipped: +(\d+)$/gm)];
  const last = all.at(-1);
  return last && { total: Number(last[1]), passed: Number(last[2]), skipped: Number(last[3]) };
}

/**
 * Judges a test file by more than its exit code: uvu exits 0 on a throwing `before`, a test that throws a non-Error, a forgotten
 * `.run()` and a left-over `.only`. A skipped test needs one line `# skip REASON` in the output. A red file counts one failure at least.
 */
export function judge(source: string, run: FileRun): Verdict {
  const summary = readSummary(run.output);
  const passed = summary?.passed ?? 0;
  const failedTests = summary ? summary.total - summary.passed : 0;
  const red = (reason: string): Verdict => ({ passed, failed: Math.max(1, failedTests), reason });
  if (run.timedOut) return red('time limit reached, killed');
  if (run.signal) return red(`killed by ${run.signal}`);
  const only = onlyLine(source);
  if (only > 0) return red(`left-over .only at line ${only}`);
  if (!summary) return red(run.code ? `exit code ${run.code} before a summary` : 'no summary: is .run() missing?');
  if (failedTests > 0) return red(`${failedTests} of ${summary.total} failed`);
  if (summary.total === 0) return red('no test ran: a throwing before, or an empty suite');
  if (run.code !== 0) return red(`exit code ${run.code}`);
  const stated = run.output.match(/^# skip .+$/gm)?.length ?? 0;
  if (summary.skipped > stated) return red(`${summary.skipped} skipped, ${stated} with a reason (print "# skip REASON")`);
  return { passed, failed: 0 };
}

function onlyLine(source: string): number {
  return source.split('\n').findIndex((line) => /^\s*[A-Za-z_$][\w$]*\.only\(/.test(line)) + 1;
}
