/*
 * Lines to a syslog server over a stream. They wait in a bounded queue while the server is away or slow: beyond 1 MiB the container's output is held (`pressure`), and with
 * mode=non-blocking the oldest are dropped instead.
 */
import type { Socket } from 'node:net';
import { messageOf, unavailable } from '../../errors/error.ts';
import type { Logger } from '../../lib/log.ts';
import { parseSize } from './size.ts';

/** A way to get lines to a syslog server. */
export interface SyslogTransport {
  send(line: string): void;
  pressure(): Promise<void> | undefined;
  flush(): Promise<void>;
  close(): void;
}

const queueBytes = 1 << 20;
const reconnectMs = 500;
const flushWaitMs = 2000;

/** A connection to a syslog server that is made again when it breaks. */
export class StreamTransport implements SyslogTransport {
  readonly #dial: () => Socket;
  readonly #ready: string;
  readonly #log: Logger;
  readonly #isBlocking: boolean;
  readonly #limit: number;
  /** Not written yet, oldest first. */
  #queue: string[] = [];
  #size = 0;
  #socket: Socket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  #waiters: (() => void)[] = [];

  static async open(
    dial: () => Socket,
    config: Record<string, string>,
    log: Logger,
    ready = 'connect',
  ): Promise<StreamTransport> {
    const transport = new StreamTransport(dial, config, { log, ready });
    await transport.#connect();
    return transport;
  }

  private constructor(dial: () => Socket, config: Record<string, string>, { log, ready }: { log: Logger; ready: string }) {
    this.#dial = dial;
    this.#ready = ready;
    this.#log = log;
    this.#isBlocking = config['mode'] !== 'non-blocking';
    this.#limit = parseSize(config['max-buffer-size'] ?? '', { binary: true }) ?? queueBytes;
  }

  send(line: string): void {
    if (this.#isClosed) return;
    this.#queue.push(`${line}\n`);
    this.#size += line.length + 1;
    while (!this.#isBlocking && this.#size > this.#limit && this.#queue.length > 1)
      this.#size -= this.#queue.shift()?.length ?? 0;
    this.#drain();
  }

  pressure(): Promise<void> | undefined {
    return this.#isBlocking && this.#size > this.#limit ? this.#empty() : undefined;
  }

  /** Waits until the server has taken all, or for two seconds: an ended container does not hang on a server that is away. */
  async flush(): Promise<void> {
    if (this.#size === 0) return;
    await Promise.race([this.#empty(), new Promise<void>((resolve) => setTimeout(resolve, flushWaitMs).unref())]);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#socket?.end();
    this.#socket = undefined;
    this.#wake();
  }

  #empty(): Promise<void> {
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  #wake(): void {
    for (const resolve of this.#waiters.splice(0)) resolve();
  }

  #drain(): void {
    const socket = this.#socket;
    if (!socket) return;
    while (this.#queue.length > 0 && !socket.writableNeedDrain) {
      const line = this.#queue.shift() as string; // not empty
      this.#size -= line.length;
      socket.write(line);
    }
    if (this.#queue.length === 0) {
      this.#size = 0;
      this.#wake();
    }
  }

  #connect(): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = this.#dial();
      socket.unref();
      socket.on('error', (error) => reject(unavailable(`cannot connect to the syslog server: ${messageOf(error)}`, error)));
      socket.once(this.#ready, () => {
        this.#socket = socket;
        socket.on('drain', () => this.#drain());
        this.#drain();
        resolve();
      });
      socket.once('close', () => {
        if (this.#socket !== socket) return;
        this.#socket = undefined;
        this.#log.warn('syslog server has gone', {});
        this.#retry();
      });
    });
  }

  #retry(): void {
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => this.#connect().catch(() => this.#retry()), reconnectMs);
    this.#timer.unref();
  }
}
