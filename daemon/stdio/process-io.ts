/*
 * The standard streams of one process. Each output fifo is read from before the process starts until its end; what comes goes to the log, line by line, and to every
 * attached client as it is. Reading is held while a client or the log is behind, so memory stays bounded and nothing is lost; once the process has exited what is
 * left is little, and is read without regard to that. Without clients and log the output is read and dropped: the process never blocks.
 */

import { rm } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { nowNano } from '../lib/time.ts';
import { Chunk } from './chunk.ts';
import { type AttachEnd, AttachedClient, type AttachTarget } from './client.ts';
import type { AttachRequest, ContainerLog, ProcessIo, ProcessIoOptions, StreamName } from './contract.ts';
import { FifoReader, FifoWriter } from './fifo.ts';
import { LineSplitter, linesOf } from './line-splitter.ts';

/** One output and where its unfinished line is kept; no splitter without a log. */
interface Output {
  readonly name: StreamName;
  readonly reader: FifoReader;
  readonly splitter: LineSplitter | undefined;
}

const drainTimeoutMs = 2000;

/** A process's streams over fifos that exist at `paths`; opens the daemon's ends at once. */
export class FifoProcessIo implements ProcessIo {
  readonly paths: ProcessIo['paths'];
  readonly #options: ProcessIoOptions;
  readonly #outputs: Output[] = [];
  readonly #stdin: FifoWriter | undefined;
  readonly #target: AttachTarget;
  readonly #clients = new Set<AttachedClient>();
  readonly #befores = new Set<Promise<void>>();
  readonly #outputEnded = Promise.withResolvers<void>();
  readonly #started = Promise.withResolvers<void>();
  /** Time of the next log line: read once a chunk, then a nanosecond a line, so that no two lines are of the same moment. */
  #clock = 0n;
  #holds = 0;
  #draining = false;
  #over = false;
  #stdinEnds = false;
  #onActivity: (() => void) | undefined;
  #drained: Promise<void> | undefined;

  constructor(options: ProcessIoOptions, paths: ProcessIo['paths']) {
    this.#options = options;
    this.paths = paths;
    this.#stdin = paths.stdin ? new FifoWriter(paths.stdin) : undefined;
    if (paths.stdout) this.#openOutput('stdout', paths.stdout);
    if (paths.stderr) this.#openOutput('stderr', paths.stderr);
    this.#target = {
      tty: options.tty,
      stdinOnce: options.stdinOnce,
      stdin: this.#stdin,
      hold: () => this.#hold(),
      release: () => this.#release(),
      endStdin: () => void this.#endStdin(),
    };
  }

  started(): void {
    this.#started.resolve();
  }

  async attach(request: AttachRequest): Promise<AttachEnd> {
    const client = new AttachedClient(request, this.#target);
    if (request.before) await this.#before(request.before, client);
    if (this.#over) client.end('ended');
    this.#clients.add(client);
    client.startInput();
    try {
      return await client.finished;
    } finally {
      this.#clients.delete(client);
    }
  }

  drained(timeoutMs: number = drainTimeoutMs): Promise<void> {
    this.#drained ??= this.#drain(timeoutMs);
    return this.#drained;
  }

  async close(): Promise<void> {
    this.#endAll();
    for (const { reader } of this.#outputs) reader.destroy();
    this.#stdin?.destroy();
    const { stdin, stdout, stderr } = this.paths;
    await Promise.all([stdin, stdout, stderr].map((path) => (path ? rm(path, { force: true }) : undefined)));
  }

  async #before(before: () => Promise<void>, client: AttachedClient): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#befores.add(promise);
    this.#hold();
    try {
      await before();
      for (const { name, splitter } of this.#outputs) {
        if (splitter?.pending) client.send(name, new Chunk(splitter.pending)); // the log does not have it yet
      }
      this.#clients.add(client);
    } catch (error) {
      client.end('closed');
      throw error;
    } finally {
      this.#befores.delete(promise);
      resolve();
      this.#release();
    }
  }

  #openOutput(name: StreamName, path: string): void {
    const { log } = this.#options;
    const splitter = log ? new LineSplitter((block) => this.#log(log, name, block)) : undefined;
    const reader = new FifoReader(path, {
      data: (bytes) => this.#take(name, splitter, bytes),
      end: () => this.#outputEnd(splitter),
    });
    this.#outputs.push({ name, reader, splitter });
  }

  #log(log: ContainerLog, stream: StreamName, block: Buffer): void {
    if (log.writeBlock) {
      this.#clock += BigInt(log.writeBlock(block, { stream, timeNano: this.#clock }));
      return;
    }
    // Lines of their own: the block lies in the reader's buffer.
    for (const line of linesOf(block)) log.write({ stream, timeNano: this.#clock++, line: Buffer.from(line) });
  }

  #take(name: StreamName, splitter: LineSplitter | undefined, bytes: Buffer): void {
    this.#onActivity?.();
    if (this.#clients.size > 0) {
      const chunk = new Chunk(bytes);
      for (const client of this.#clients) client.send(name, chunk);
    }
    if (!splitter) return;
    const now = nowNano();
    if (now > this.#clock) this.#clock = now;
    splitter.push(bytes);
    const pressure = this.#options.log?.pressure?.();
    if (!pressure) return;
    this.#hold();
    void pressure.then(
      () => this.#release(),
      () => this.#release(),
    );
  }

  #outputEnd(splitter: LineSplitter | undefined): void {
    splitter?.end();
    if (this.#outputs.every(({ reader }) => reader.ended)) this.#outputEnded.resolve();
  }

  #hold(): void {
    this.#holds += 1;
    if (this.#holds === 1 && !this.#draining) for (const { reader } of this.#outputs) reader.pause();
  }

  #release(): void {
    this.#holds -= 1;
    if (this.#holds === 0 && !this.#draining) for (const { reader } of this.#outputs) reader.resume();
  }

  async #endStdin(): Promise<void> {
    if (this.#stdinEnds || !this.#stdin) return;
    this.#stdinEnds = true;
    await this.#stdin.flushed();
    await this.#started.promise;
    if (this.#over) return;
    this.#stdin.closeWriteEnd();
    this.#options.onStdinEnd?.();
  }

  async #drain(timeoutMs: number): Promise<void> {
    await Promise.all(this.#befores);
    this.#draining = true;
    for (const { reader } of this.#outputs) reader.resume();
    await setImmediate(); // what the sockets had buffered comes first
    if (this.#outputs.filter(({ reader }) => !reader.probe()).length > 0) {
      let timer = setTimeout(this.#outputEnded.resolve, timeoutMs);
      this.#onActivity = () => {
        clearTimeout(timer);
        timer = setTimeout(this.#outputEnded.resolve, timeoutMs);
      };
      await this.#outputEnded.promise;
      this.#onActivity = undefined;
      clearTimeout(timer);
    }
    for (const { reader } of this.#outputs) reader.destroy(); // emits an unfinished last line
    this.#endAll();
    await this.#options.log?.flush();
  }

  #endAll(): void {
    this.#over = true;
    for (const client of this.#clients) client.end('ended');
  }
}
