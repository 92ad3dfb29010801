/*
 * The reading half of file logs. All files are opened in one synchronous go, so a rotation cannot come in between; the last n entries are found from the end
 * backwards, the rest is read forward in blocks. A follower waits for the writer's word at the end of the current file, and goes on with the next generation when the
 * file was rotated.
 */
import { closeSync, createReadStream, createWriteStream, fstatSync, openSync, read as readCallback, rmSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createGunzip } from 'node:zlib';
import { nowNano } from '../../lib/time.ts';
import type { LogEntry, LogReadOptions } from '../contract.ts';
import type { LogCodec } from './codec.ts';
import type { RotatingFile } from './rotating-file.ts';

const read = promisify(readCallback);
const blockBytes = 64 * 1024;
const empty = Buffer.alloc(0);

type Decoder = ReturnType<LogCodec['decoder']>;

/** When a follower is done: the count of ends goes up each time the process's output is over. */
export interface LogEnds {
  readonly count: number;
}

interface OpenFile {
  generation: number;
  fd: number;
  compressed: boolean;
  /** Bytes there were at the start: a reader that does not follow ends there, however fast the writer is. */
  size: number;
}

/** Entries of a rotated log, in batches. An end of the output after this call counts for a follower, also before the first `next`. */
export function readFileLog(
  file: RotatingFile,
  codec: LogCodec,
  ends: LogEnds,
  options: LogReadOptions,
): AsyncIterable<LogEntry[]> {
  return new FileLogReader(file, codec, { ends, endsAtStart: ends.count }, options).batches();
}

class FileLogReader {
  readonly #file: RotatingFile;
  readonly #codec: LogCodec;
  readonly #ends: { ends: LogEnds; endsAtStart: number };
  readonly #options: LogReadOptions;
  /** Oldest first; closed as they are read. */
  readonly #files: OpenFile[] = [];
  #generation = 0;

  constructor(file: RotatingFile, codec: LogCodec, ends: { ends: LogEnds; endsAtStart: number }, options: LogReadOptions) {
    this.#file = file;
    this.#codec = codec;
    this.#ends = ends;
    this.#options = options;
  }

  async *batches(): AsyncGenerator<LogEntry[]> {
    const { untilNano } = this.#options;
    this.#openAll();
    try {
      for await (const batch of this.#all()) {
        // Docker stops at the first entry after `until`: entries are in order.
        const over = untilNano === undefined ? -1 : batch.findIndex((entry) => entry.timeNano > untilNano);
        const wanted = (over < 0 ? batch : batch.slice(0, over)).filter((entry) => this.#wanted(entry));
        if (wanted.length > 0) yield wanted;
        if (over >= 0) return;
      }
    } finally {
      for (const { fd } of this.#files.splice(0)) closeSync(fd);
    }
  }

  /** Opens every file in one go, so that no rotation comes in between. */
  #openAll(): void {
    this.#file.write();
    this.#generation = this.#file.generation;
    for (const generation of this.#file.generations()) {
      const opened = this.#file.openGeneration(generation);
      if (opened) this.#files.push({ generation, ...opened, size: opened.compressed ? Infinity : fstatSync(opened.fd).size });
    }
  }

  #wanted({ stream, timeNano }: LogEntry): boolean {
    return this.#options[stream] && (this.#options.sinceNano === undefined || timeNano >= this.#options.sinceNano);
  }

  async *#all(): AsyncGenerator<LogEntry[]> {
    if (this.#files.length === 0) {
      if (this.#options.follow) yield* this.#followLater();
      return;
    }
    let offset = await this.#skipToTail();
    for (let next = this.#files[0]; next; next = this.#files[0]) {
      if (next.compressed) await this.#unpack(next);
      const follow = this.#options.follow && this.#files.length === 1;
      yield* follow ? this.#follow(next, offset) : this.#toEnd(next.fd, offset, this.#codec.decoder(), next.size);
      offset = 0;
      closeSync(next.fd);
      this.#files.shift();
    }
  }

  /** Drops files and gives the offset in the first one that is left, so that `tail` entries follow. */
  async #skipToTail(): Promise<number> {
    let missing = this.#options.tail;
    if (missing === undefined) return 0;
    for (let index = this.#files.length - 1; index >= 0; index -= 1) {
      const file = this.#files[index] as OpenFile; // index is in range
      if (file.compressed) await this.#unpack(file);
      const { size } = fstatSync(file.fd);
      const found = await this.#codec.tail((position, length) => readAt(file.fd, position, length), size, missing);
      missing -= found.count;
      if (missing > 0) continue;
      for (const { fd } of this.#files.splice(0, index)) closeSync(fd);
      return found.offset;
    }
    return 0;
  }

  async *#toEnd(fd: number, from: number, decoder: Decoder, limit = Infinity): AsyncGenerator<LogEntry[], number> {
    for (let at = from; ; ) {
      const block = at < limit ? await readAt(fd, at, Math.min(blockBytes, limit - at)) : empty;
      if (block.length === 0) return at;
      at += block.length;
      const batch = decoder.push(block);
      if (batch.length > 0) yield batch;
    }
  }

  /** From `offset` of one file until the process's output is over, through rotations. */
  async *#follow(first: OpenFile, offset: number): AsyncGenerator<LogEntry[]> {
    let { fd } = first;
    let at = offset;
    let decoder = this.#codec.decoder();
    this.#generation = first.generation;
    for (;;) {
      const rotated = this.#file.generation > this.#generation; // asked before reading: then the file is complete
      const over = this.#isOver();
      at = yield* this.#toEnd(fd, at, decoder);
      if (rotated) {
        const next = await this.#nextFile();
        if (!next) return;
        closeSync(fd);
        fd = next;
        first.fd = fd; // closed by whoever closes `first`
        at = 0;
        decoder = this.#codec.decoder();
        continue;
      }
      if (over || !(await this.#news(fd, at))) return;
    }
  }

  /** The log had no file yet: waits for the first. */
  async *#followLater(): AsyncGenerator<LogEntry[]> {
    for (;;) {
      const over = this.#isOver();
      const opened = this.#file.openGeneration(this.#file.generation);
      if (opened) {
        this.#files.push({ generation: this.#file.generation, ...opened, size: Infinity });
        const [file] = this.#files;
        if (file) yield* this.#follow(file, 0);
        return;
      }
      if (over || !(await this.#news(undefined, 0))) return;
    }
  }

  async #nextFile(): Promise<number | undefined> {
    // A follower that is slower than all the files that are kept loses what was rotated away, as with Docker.
    for (let generation = this.#generation + 1; generation <= this.#file.generation; generation += 1) {
      const opened = this.#file.openGeneration(generation);
      if (!opened) continue;
      this.#generation = generation;
      const next: OpenFile = { generation, ...opened, size: Infinity };
      if (next.compressed) await this.#unpack(next);
      return next.fd;
    }
    return undefined;
  }

  #isOver(): boolean {
    return this.#ends.ends.count !== this.#ends.endsAtStart;
  }

  /** Waits until there may be more to read; false when the reader is to stop (its client left, or `until` has passed). */
  async #news(fd: number | undefined, at: number): Promise<boolean> {
    const { signal, untilNano } = this.#options;
    if (signal?.aborted) return false;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const stop = (): void => resolve(false);
    const leave = this.#file.listen(() => resolve(true));
    signal?.addEventListener('abort', stop, { once: true });
    const waitMs = untilNano === undefined ? undefined : Math.max(0, Number(untilNano - nowNano()) / 1e6);
    const timer = waitMs === undefined || waitMs > 2 ** 31 - 1 ? undefined : setTimeout(stop, waitMs);
    try {
      // Something may have been written or ended between the last read and now.
      if (this.#isOver() || this.#file.generation > this.#generation || (fd !== undefined && fstatSync(fd).size > at))
        return true;
      return await promise;
    } finally {
      leave();
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
    }
  }

  /** Puts the plain content of a compressed file behind the same entry: an unlinked temporary file, so memory stays small. */
  async #unpack(file: OpenFile): Promise<void> {
    const path = `${this.#file.path}.${process.pid}.${file.generation}.${Math.random().toString(36).slice(2)}.view`;
    const packed = createReadStream('', { fd: file.fd, start: 0 });
    file.fd = openSync(path, 'wx+', 0o600);
    file.compressed = false;
    rmSync(path);
    await pipeline(packed, createGunzip(), createWriteStream('', { fd: file.fd, autoClose: false, start: 0 }));
  }
}

async function readAt(fd: number, position: number, length: number): Promise<Buffer> {
  const { bytesRead, buffer } = await read(fd, Buffer.allocUnsafe(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}
