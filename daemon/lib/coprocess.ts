/*
 * A program that stays: it reads commands from stdin and is asked again and again, so that a call costs a pipe write instead of a spawn. After each request
 * a marker command is written whose answer names a number only that request has; what the program printed until then is the request's output. Requests
 * are answered in order. The program is started at the first request, started again after it died, and ends by itself when its stdin closes.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { PouchError } from '../errors/error.ts';

/** How to start and read one program. */
export interface CoprocessOptions {
  command: string;
  args: readonly string[];
  /** The command line that makes the program print `text`, on stdout or stderr. */
  marker(text: string): string;
  env?: NodeJS.ProcessEnv;
  /** A request that takes longer kills the program; default 30 s. */
  timeoutMs?: number;
}

interface Pending {
  marker: RegExp;
  resolve(output: string): void;
  reject(error: unknown): void;
  timer: NodeJS.Timeout;
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/** One long-lived helper program. */
export class Coprocess {
  readonly #options: CoprocessOptions;
  #child: Child | undefined;
  #pending: Pending[] = [];
  #output = '';
  #counter = 0;
  #isClosed = false;

  constructor(options: CoprocessOptions) {
    this.#options = options;
  }

  /** Requests that wait for their answer. */
  get backlog(): number {
    return this.#pending.length;
  }

  /** Writes `text` (whole lines) and returns what the program printed, both streams together, marker left out. Rejects when the program cannot start, dies or hangs. */
  request(text: string): Promise<string> {
    if (this.#isClosed) return Promise.reject(new PouchError('unavailable', `${this.#options.command} is closed`));
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const mark = `pouchd${++this.#counter}`;
    this.#child ??= this.#start();
    const child = this.#child;
    const limit = this.#options.timeoutMs ?? 30_000;
    const timer = setTimeout(() => {
      this.#died(child, new PouchError('deadlineExceeded', `${this.#options.command} did not answer within ${limit} ms`));
      child.kill('SIGKILL');
    }, limit);
    this.#pending.push({ marker: new RegExp(`^.*\\b${mark}\\b.*\\n`, 'm'), resolve, reject, timer });
    child.stdin.write(`${text.endsWith('\n') ? text : `${text}\n`}${this.#options.marker(mark)}\n`);
    this.#hold(child);
    return promise;
  }

  #start(): Child {
    const { command, args, env } = this.#options;
    const child = spawn(command, [...args], { stdio: ['pipe', 'pipe', 'pipe'], env, detached: true }); // a Ctrl-C is for the daemon alone
    this.#output = '';
    const onData = (chunk: string): void => {
      if (this.#child === child) this.#read(chunk);
    };
    child.stdout.setEncoding('utf8').on('data', onData);
    child.stderr.setEncoding('utf8').on('data', onData);
    child.stdin.on('error', () => undefined); // the exit tells
    child.on('error', (cause: NodeJS.ErrnoException) => {
      const kind = cause.code === 'ENOENT' ? 'unavailable' : 'internal';
      const text = cause.code === 'ENOENT' ? `program not found: ${command}` : `cannot start ${command}: ${cause.message}`;
      this.#died(child, new PouchError(kind, text, { cause }));
    });
    child.on('close', (code, signal) => {
      const words = this.#output.trim();
      this.#died(child, new PouchError('internal', `${command} ended (${signal ?? code})${words ? `: ${words}` : ''}`));
    });
    return child;
  }

  #read(chunk: string): void {
    this.#output += chunk;
    for (;;) {
      const first = this.#pending[0];
      const match = first?.marker.exec(this.#output);
      if (!first || !match) break;
      const output = this.#output.slice(0, match.index);
      this.#output = this.#output.slice(match.index + match[0].length);
      this.#pending.shift();
      clearTimeout(first.timer);
      first.resolve(output);
    }
    if (this.#child) this.#hold(this.#child);
  }

  /** While nothing is asked the program does not keep the daemon's event loop alive. */
  #hold(child: Child): void {
    const hold = this.#pending.length > 0 ? 'ref' : 'unref';
    child[hold]();
    for (const stream of [child.stdin, child.stdout, child.stderr]) if (stream instanceof Socket) stream[hold]();
  }

  #died(child: Child, error: unknown): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    const pending = this.#pending;
    this.#pending = [];
    for (const one of pending) {
      clearTimeout(one.timer);
      one.reject(error);
    }
  }

  /** Ends the program after the requests it has; later ones are refused. */
  close(): void {
    this.#isClosed = true;
    this.#child?.stdin.end();
  }
}
