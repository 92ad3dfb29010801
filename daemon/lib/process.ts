/*
 * Short-lived helper processes (ip, nft, mount, cp, tar). A spawn blocks the event loop in proportion to the daemon's memory, so batch what can be batched.
 * Listeners are attached in the same tick as the spawn: Node drops what a child wrote when nobody listened at its exit.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { PouchError } from '../errors/error.ts';

/** How `run` starts a process. */
export interface RunOptions {
  /** Written to stdin, which is then closed; without it stdin is /dev/null. */
  input?: string | Uint8Array;
  cwd?: string;
  /** The whole environment; default the daemon's own. */
  env?: NodeJS.ProcessEnv;
  /** Kills the process (SIGKILL) and rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Kills the process when it takes longer. */
  timeoutMs?: number;
  /** An exit code other than 0 is a result, not an error. */
  allowFailure?: boolean;
  /** What is kept of each output stream; more is dropped from its front. Default 1 MiB. */
  maxBytes?: number;
}

/** What a finished process left. `exitCode` is 128 + signal number for a process that was killed. */
export interface RunResult {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/**
 * Runs a program to its end. Throws `internal` with the program's last words on failure (its stderr, else its stdout), `unavailable` when it does not exist,
 * `deadlineExceeded` when it took too long.
 */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  options.signal?.throwIfAborted();
  const child = spawn(command, [...args], {
    cwd: options.cwd,
    env: options.env,
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  const result = collect(child, command, options);
  if (child.stdin) {
    child.stdin.on('error', () => undefined); // a program that does not read its input: its exit code tells
    child.stdin.end(options.input);
  }
  const { exitCode, stdout, stderr } = await result;
  if (exitCode !== 0 && options.allowFailure !== true) {
    const words = stderr.trim() || stdout.trim() || 'no output';
    throw new PouchError('internal', `${[command, ...args.slice(0, 6)].join(' ')} failed (exit ${exitCode}): ${words}`);
  }
  return { exitCode, stdout, stderr };
}

function collect(child: ChildProcess, command: string, options: RunOptions): Promise<RunResult> {
  const { promise, resolve, reject } = Promise.withResolvers<RunResult>();
  const maxBytes = options.maxBytes ?? 1 << 20;
  const stdout = keepTail(child.stdout, maxBytes);
  const stderr = keepTail(child.stderr, maxBytes);
  let cause: unknown;
  const kill = (reason: unknown): void => {
    cause ??= reason;
    child.kill('SIGKILL');
  };
  const onAbort = (): void => kill(options.signal?.reason);
  options.signal?.addEventListener('abort', onAbort, { once: true });
  const timer =
    options.timeoutMs === undefined
      ? undefined
      : setTimeout(
          () => kill(new PouchError('deadlineExceeded', `${command} did not end within ${options.timeoutMs} ms`)),
          options.timeoutMs,
        );
  const settle = (): void => {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', onAbort);
  };
  child.once('error', (error: NodeJS.ErrnoException) => {
    settle();
    const missing = error.code === 'ENOENT';
    reject(
      new PouchError(
        missing ? 'unavailable' : 'internal',
        missing ? `program not found: ${command}` : `cannot start ${command}: ${error.message}`,
        { cause: error },
      ),
    );
  });
  child.once('close', (code, signal) => {
    settle();
    if (cause !== undefined) return reject(cause);
    resolve({ exitCode: code ?? 128 + signalNumber(signal), stdout: stdout(), stderr: stderr() });
  });
  return promise;
}

function keepTail(stream: NodeJS.ReadableStream | null, maxBytes: number): () => string {
  const chunks: Buffer[] = [];
  let size = 0;
  stream?.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    size += chunk.length;
    while (size - (chunks[0]?.length ?? 0) >= maxBytes) size -= chunks.shift()?.length ?? 0;
  });
  return () => Buffer.concat(chunks).subarray(-maxBytes).toString();
}

/** The number of a signal by name (`SIGKILL` 9); 0 for none. */
export function signalNumber(signal: NodeJS.Signals | null | undefined): number {
  return signal ? (constants.signals[signal] ?? 0) : 0;
}
