import { readFileSync } from 'node:fs';
import path from 'node:path';

/** Where in a file a problem is; line and column count from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** One thing that is wrong: what, where, and what to do about it. */
export interface Problem {
  /** `name@version` of the plugin package; absent when it is the builder's own matter. */
  readonly package?: string;
  readonly message: string;
  readonly place?: Place;
  /** What to do instead, one sentence. */
  readonly hint?: string;
}

/** Ends a build or a recording; carries every problem found, not only the first. */
export class BuildError extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[], options?: ErrorOptions) {
    super(problems.map((problem) => problem.message).join('; '), options);
    this.name = 'BuildError';
    this.problems = problems;
  }
}

/** A BuildError of one problem. */
export function fail(message: string, rest: Omit<Problem, 'message'> = {}): never {
  throw new BuildError([{ message, ...rest }]);
}

/** The lines around a place, the place itself marked; empty when the file cannot be read. */
export function codeFrame(place: Place): string {
  let lines: string[];
  try {
    lines = readFileSync(place.file, 'utf8').split('\n');
  } catch {
    return ''; // a frame is a courtesy: the message stands without it
  }
  const from = Math.max(1, place.line - 2);
  const until = Math.min(lines.length, place.line + 1);
  const width = String(until).length;
  const out: string[] = [];
  for (let line = from; line <= until; line += 1) {
    const text = (lines[line - 1] ?? '').slice(0, 160);
    out.push(`${line === place.line ? '>' : ' '} ${String(line).padStart(width)} | ${text}`);
    if (line === place.line && place.column <= 160) {
      const indent = text.slice(0, place.column - 1).replace(/[^\t]/g, ' ');
      out.push(`  ${' '.repeat(width)} | ${indent}^`);
    }
  }
  return out.join('\n');
}

/** A problem as text: `package: message`, the place as file:line:column, the frame, what to do. Paths are shown relative to `base` when inside it. */
export function formatProblem(problem: Problem, base: string = process.cwd()): string {
  const parts = [`error: ${problem.package ? `plugin ${problem.package}: ` : ''}${problem.message}`];
  if (problem.place) {
    const { file, line, column } = problem.place;
    const relative = path.relative(base, file);
    parts.push(`  at ${relative.startsWith('..') ? file : relative}:${line}:${column}`);
    const frame = codeFrame(problem.place);
    if (frame) parts.push(frame.replace(/^/gm, '  '));
  }
  if (problem.hint) parts.push(`  what to do: ${problem.hint}`);
  return parts.join('\n');
}
