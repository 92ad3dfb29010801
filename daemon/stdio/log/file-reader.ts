/*
 * The reading half of file logs. All files are opened in one synchronous go, so a rotation cannot come in between; the last n entries are found from the end backwards, the rest is read forward in
 * blocks. A follower opens each new file in the moment of its rotation: however fast the writer is, it misses nothing. At the end of what there is it waits for the writer's word.
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
const maxQueuedFiles = 128;

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

  constructor(file: RotatingFile, codec: LogCodec, ends: { ends: LogEnds; endsAtStart: number }, options: LogReadOptions) {
    this.#file = file;
    this.#codec = codec;
    this.#ends = ends;
    this.#options = options;
  }

  async *batches(): AsyncGenerator<LogEntry[]> {
    const { untilNano, follow } = this.#options;
    this.#file.write();
    for (const generation of this.#file.generations()) this.#openFile(generation);
    const leave = follow ? this.#file.listenOpen(() => this.#openNext()) : undefined;
    try {
      for await (const batch of this.#all()) {
        // Docker stops at the first entry after `until`: entries are in order.
        const over = untilNano === undefined ? -1 : batch.findIndex((entry) => entry.timeNano > untilNano);
        const wanted = (over < 0 ? batch : batch.slice(0, over)).filter((entry) => this.#wanted(entry));
        if (wanted.length > 0) yield wanted;
        if (over >= 0) return;
      }
    } finally {
      leave?.();
      for (const { fd } of this.#files.splice(0)) closeSync(fd);
    }
  }

  #openFile(generation: number): void {
    if (this.#files.at(-1)?.generation === generation) return;
    const opened = this.#file.openGeneration(generation);
    if (!opened) return;
    this.#files.push({ generation, ...opened, size: opened.compressed ? Infinity : fstatSync(opened.fd).size });
  }

  #openNext(): void {
    this.#openFile(this.#file.generation);
    // A follower that does not come along is not to hold ever more files on the disk.
    if (this.#files.length > maxQueuedFiles) for (const { fd } of this.#files.splice(1, 1)) closeSync(fd);
  }

  #wanted({ stream, timeNano }: LogEntry): boolean {
    return this.#options[stream] && (this.#options.sinceNano === undefined || timeNano >= this.#options.sinceNano);
  }

  async *#all(): AsyncGenerator<LogEntry[]> {
    const { follow } = this.#options;
    let offset = await this.#skipToTail();
    for (;;) {
      const file = this.#files[0];
      if (file) {
        if (!(yield* this.#oneFile(file, offset))) return;
        closeSync(file.fd);
        this.#files.shift();
        offset = 0;
      } else if (!follow || this.#isOver() || !(await this.#news(undefined, 0))) {
        return; // nothing was ever written
      }
    }
  }

  /** All of one file; the current one, when following, until the process's output is over. True when there is a next file. */
  async *#oneFile(file: OpenFile, from: number): AsyncGenerator<LogEntry[], boolean> {
    const { follow } = this.#options;
    if (file.compressed) await this.#unpack(file);
    const decoder = this.#codec.decoder();
    for (let at = from; ; ) {
      const hasNext = this.#files.length > 1; // both asked before reading: then what is read is all
      const over = this.#isOver();
      at = yield* this.#toEnd(file.fd, at, { decoder, limit: follow ? Infinity : file.size });
      if (hasNext) return true;
      if (!follow || over || !(await this.#news(file.fd, at))) return false;
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

  async *#toEnd(
    fd: number,
    from: number,
    { decoder, limit }: { decoder: Decoder; limit: number },
  ): AsyncGenerator<LogEntry[], number> {
    for (let at = from; ; ) {
      const block = at < limit ? await readAt(fd, at, Math.min(blockBytes, limit - at)) : empty;
      if (block.length === 0) return at;
      at += block.length;
      const batch = decoder.push(block);
      if (batch.length > 0) yield batch;
    }
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
      if (this.#isOver() || this.#files.length > (fd === undefined ? 0 : 1) || (fd !== undefined && fstatSync(fd).size > at))
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
