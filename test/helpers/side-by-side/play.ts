import { setTimeout as sleep } from 'node:timers/promises';
import { bodyOf, compareReplies, masked } from './compare.ts';
import type { Engines } from './engines.ts';
import { exchange, type Reply } from './exchange.ts';
import type { Row, RowOptions } from './row.ts';

/** The differences of one row. */
export interface Finding {
  /** `METHOD path body`. */
  readonly row: string;
  readonly differences: readonly string[];
}

type Saved = Record<string, string>;

/** Sends every row to both engines, one row after the other, and tells where they differ. */
export async function play(engines: Engines, rows: readonly Row[]): Promise<Finding[]> {
  const since = (Date.now() / 1000).toFixed(3);
  const saved: [Saved, Saved] = [{}, {}];
  const findings: Finding[] = [];
  for (const row of rows) {
    const [method, path, body, options = {}] = row;
    const ask = (socket: string, own: Saved) =>
      method === 'CLI' ? cli(engines, socket, row) : send(socket, row, { ...own, since }, own);
    const [ours, theirs] = await Promise.all([ask(engines.ours, saved[0]), ask(engines.theirs, saved[1])]);
    const differences = compareReplies(ours, theirs, options);
    const shown = body === undefined ? '' : ` ${Buffer.isBuffer(body) ? '<bytes>' : JSON.stringify(body)}`;
    const version = options.version ? ` ${options.version}` : '';
    if (differences.length > 0) findings.push({ row: `${method} ${path}${version}${shown}`, differences });
  }
  return findings;
}

async function send(socket: string, [method, path, body, options = {}]: Row, values: Saved, saved: Saved): Promise<Reply> {
  const fill = (text: string) =>
    text.replace(/\{(\w+)\}/g, (all, name: string) =>
      name === 'now' ? (Date.now() / 1000 + 0.001).toFixed(9) : (values[name] ?? all),
    );
  const target = fill(path.startsWith('!') ? path.slice(1) : `/v${options.version ?? '1.41'}${path}`);
  const { headers, stdin, isPlain, isChunked } = options;
  for (let tries = 0; ; tries += 1) {
    const reply = await exchange(socket, { method, path: target, body, headers, stdin, isPlain, isChunked });
    const value = bodyOf(reply);
    if (options.until && !options.until(value) && tries < 300) {
      await sleep(100);
      continue;
    }
    if (options.save) saved[options.save] = idOf(value);
    return reply;
  }
}

function idOf(value: unknown): string {
  const id = typeof value === 'object' && value !== null && 'Id' in value ? value.Id : undefined;
  return typeof id === 'string' ? id : 'none';
}

/** A command's outcome in the place of an answer: exit code as status, what it said as the body. */
async function cli({ docker }: Engines, socket: string, [, line, more]: Row): Promise<Reply> {
  const { exitCode, stdout, stderr } = await docker(socket, [...line.split(' '), ...((more as string[] | undefined) ?? [])]);
  const body = Buffer.from(JSON.stringify({ stdout: masked(stdout), stderr: masked(stderr) }));
  return { status: exitCode, headers: { 'content-type': 'application/json' }, body };
}

export type { RowOptions };
