/*
 * Both ends of a process's fifos. The shim reads stdin and writes stdout and stderr; it holds a second end of each output itself, so it survives without us.
 * Reading goes through net.Socket, which polls: fs streams would each block a thread of the pool.
 */
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { Socket } from 'node:net';

/** All readers read into this one buffer: what is not used up in the same turn is copied. So an idle process costs no buffer. */
const scratch = Buffer.allocUnsafeSlow(64 * 1024);

/** What a reader tells its owner. */
export interface FifoReaderEvents {
  /** `bytes` is overwritten after the call. */
  data(bytes: Buffer): void;
  end(): void;
}

/** The daemon's end of stdout or stderr: opened before the writer comes, ends when the last writer has gone. */
export class FifoReader {
  readonly #socket: Socket;
  readonly #fd: number;
  readonly #events: FifoReaderEvents;
  #ended = false;

  constructor(path: string, events: FifoReaderEvents) {
    this.#events = events;
    this.#fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const onread = {
      buffer: scratch,
      callback: (length: number) => {
        events.data(scratch.subarray(0, length));
        return true;
      },
    };
    const options = { fd: this.#fd, readable: true, writable: false, onread };
    this.#socket = new Socket(options);
    this.#socket.once('close', () => this.#finish());
    this.#socket.on('error', () => this.#socket.destroy()); // 'close' follows: a fifo that cannot be read is at its end
    this.#socket.once('end', () => this.#socket.destroy());
  }

  get ended(): boolean {
    return this.#ended;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /**
   * Reads what lies in the fifo at once and ends when nobody has it open for writing: a fifo whose writer never came never tells its end by itself. False while
   * there still is a writer.
   */
  probe(): boolean {
    if (this.#ended || this.#socket.destroyed) return true;
    for (;;) {
      try {
        const count = readSync(this.#fd, scratch, 0, scratch.length, null);
        if (count > 0) {
          this.#events.data(scratch.subarray(0, count));
          continue;
        }
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return false;
      }
      this.destroy();
      return true;
    }
  }

  destroy(): void {
    this.#socket.destroy();
    this.#finish();
  }

  #finish(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#events.end();
  }
}

/**
 * The daemon's end of stdin. It holds a write end from before the process starts, so a process without clients sees no end, and a read end that never reads:
 * what was written stays in the fifo when the write end closes before the shim has opened it.
 */
export class FifoWriter {
  readonly #socket: Socket;
  #guard: number | undefined;
  #pending = 0;
  #flushed: (() => void)[] = [];

  constructor(path: string) {
    this.#socket = new Socket({
      fd: openSync(path, constants.O_RDWR | constants.O_NONBLOCK), // O_WRONLY fails while nobody reads
      readable: false,
      writable: true,
    });
    this.#guard = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    this.#socket.on('error', () => this.#socket.destroy()); // the process is gone; its exit tells
    this.#socket.once('close', () => this.#wake());
  }

  get writable(): boolean {
    return !this.#socket.destroyed;
  }

  /** False when the process does not keep up; `onDrain` is called when it does again. */
  write(chunk: Buffer, onDrain: () => void): boolean {
    if (this.#socket.destroyed) return true;
    this.#pending += 1;
    const more = this.#socket.write(chunk, () => {
      this.#pending -= 1;
      if (this.#pending === 0) this.#wake();
    });
    if (!more) this.#socket.once('drain', onDrain);
    return more;
  }

  /** Resolves when all that was written lies in the fifo, or it was destroyed. */
  async flushed(): Promise<void> {
    if (this.#pending === 0 || this.#socket.destroyed) return;
    await new Promise<void>((resolve) => this.#flushed.push(resolve));
  }

  /** Gives up the write end; the guard stays until `destroy`. */
  closeWriteEnd(): void {
    this.#socket.destroy();
  }

  destroy(): void {
    this.#socket.destroy();
    if (this.#guard !== undefined) closeSync(this.#guard);
    this.#guard = undefined;
  }

  #wake(): void {
    for (const resolve of this.#flushed.splice(0)) resolve();
  }
}
