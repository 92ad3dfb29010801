/*
 * The writing half of file logs. Records are gathered in one buffer that all logs share and written in one call by `write`, which must follow in the same turn of the event loop; a
 * rotation happens between records, once the file has reached its size. Everything but compression is synchronous, so names and content always fit together for readers in
 * this process. Each file has a generation, counted up by rotations: generation g lies at PATH when it is the current one, else at PATH.(current - g)[.gz].
 */
import {
  closeSync,
  constants,
  createReadStream,
  createWriteStream,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

/** Shared by all logs: nothing stays in it beyond one turn. */
const scratch = Buffer.allocUnsafeSlow(256 * 1024);

/** Where and how much a log keeps. */
export interface RotationOptions {
  path: string;
  /** Bytes after which a file is rotated; undefined never. */
  maxBytes?: number;
  /** Files kept, the current one included. */
  maxFiles: number;
  compress: boolean;
  /** Told when writing or compressing fails (a full disk); the entries are lost, the container goes on. */
  onError: (error: unknown) => void;
}

/** A file that is appended to and rotated. */
export class RotatingFile {
  readonly path: string;
  readonly #options: RotationOptions;
  readonly #listeners = new Set<() => void>();
  readonly #openListeners = new Set<() => void>();
  #fd: number | undefined;
  #size = 0;
  /** Bytes of ours at the beginning of `scratch`. */
  #gathered = 0;
  #generation = 0;
  #compressing: Promise<void> = Promise.resolve();

  constructor(options: RotationOptions) {
    this.#options = options;
    this.path = options.path;
  }

  /** Generation of the file at `path`. */
  get generation(): number {
    return this.#generation;
  }

  /** Adds one record; `write` must follow before anything else happens. */
  append(record: string | Buffer): void {
    const { maxBytes } = this.#options;
    if (maxBytes !== undefined) {
      if (this.#fd === undefined) this.#open();
      if (this.#size + this.#gathered >= maxBytes) {
        this.#flush();
        this.#rotate();
      }
    }
    const most = typeof record === 'string' ? record.length * 3 : record.length; // of UTF-8
    if (this.#gathered + most > scratch.length) this.#flush();
    if (most > scratch.length) this.#writeBytes(Buffer.from(record as string));
    else if (typeof record === 'string') this.#gathered += scratch.write(record, this.#gathered);
    else this.#gathered += record.copy(scratch, this.#gathered);
  }

  /** Writes what is gathered, and tells the listeners. */
  write(): void {
    if (this.#gathered === 0) return;
    this.#flush();
    this.wake();
  }

  /** Calls the listeners though nothing changed in the file: its end was declared. */
  wake(): void {
    for (const listener of this.#listeners) listener();
  }

  /** Called after something was written or rotated; returns the way out. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Called each time the current file was opened for writing (a new one after a rotation), before anything is written to it; returns the way out. */
  listenOpen(listener: () => void): () => void {
    this.#openListeners.add(listener);
    return () => this.#openListeners.delete(listener);
  }

  /** Opens the file of a generation for reading; undefined when it is rotated away or was never written. Synchronous. */
  openGeneration(generation: number): { fd: number; compressed: boolean } | undefined {
    const index = this.#generation - generation;
    if (index === 0) return openForReading(this.path, false);
    const plain = `${this.path}.${index}`;
    return openForReading(plain, false) ?? openForReading(`${plain}.gz`, true);
  }

  /** The generations there are files of, oldest first: the current one, and as many as may be kept. Negative ones are of a former daemon. */
  generations(): number[] {
    const count = this.#options.maxFiles;
    return Array.from({ length: count }, (_, index) => this.#generation - (count - 1 - index));
  }

  /** Writes and closes; a later `append` opens the file again. */
  close(): void {
    this.write();
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  /** Closes and deletes all files. */
  async remove(): Promise<void> {
    this.close();
    await this.#compressing;
    rmSync(this.path, { force: true });
    for (let index = 1; index < this.#options.maxFiles; index += 1) this.#drop(index);
  }

  #flush(): void {
    if (this.#gathered === 0) return;
    const bytes = scratch.subarray(0, this.#gathered);
    this.#gathered = 0;
    this.#writeBytes(bytes);
  }

  #writeBytes(bytes: Buffer): void {
    try {
      if (this.#fd === undefined) this.#open();
      for (let at = 0; at < bytes.length; ) {
        const count = writeSync(this.#fd as number, bytes, at); // opened above
        at += count;
        this.#size += count;
      }
    } catch (error) {
      this.#options.onError(error);
    }
  }

  #open(): void {
    mkdirSync(dirname(this.path), { recursive: true, mode: 0o710 });
    this.#fd = openSync(this.path, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT, 0o640);
    this.#size = fstatSync(this.#fd).size;
    for (const listener of this.#openListeners) listener();
  }

  #rotate(): void {
    const { maxFiles, compress } = this.#options;
    try {
      if (this.#fd !== undefined) closeSync(this.#fd);
      this.#fd = undefined;
      if (maxFiles > 1) {
        this.#drop(maxFiles - 1);
        for (let index = maxFiles - 1; index > 1; index -= 1) {
          this.#move(`.${index - 1}`, `.${index}`);
          this.#move(`.${index - 1}.gz`, `.${index}.gz`);
        }
        this.#move('', '.1');
      } else {
        rmSync(this.path, { force: true }); // not truncated: whoever follows reads the old file to its end
      }
      this.#generation += 1;
      this.#open();
      if (compress && maxFiles > 1) {
        const rotated = this.#generation - 1;
        this.#compressing = this.#compressing.then(() => this.#compress(rotated)).catch(this.#options.onError);
      }
    } catch (error) {
      this.#options.onError(error);
    }
    this.wake();
  }

  async #compress(generation: number): Promise<void> {
    const opened = this.openGeneration(generation);
    if (!opened) return;
    if (opened.compressed) return closeSync(opened.fd);
    const temporary = `${this.path}.gz.tmp`;
    try {
      await pipeline(createReadStream('', { fd: opened.fd }), createGzip(), createWriteStream(temporary, { mode: 0o640 }));
      const index = this.#generation - generation; // it may have moved on meanwhile
      if (index >= this.#options.maxFiles) return;
      renameSync(temporary, `${this.path}.${index}.gz`);
      rmSync(`${this.path}.${index}`, { force: true });
    } finally {
      rmSync(temporary, { force: true });
    }
  }

  #move(from: string, to: string): void {
    if (existsSync(this.path + from)) renameSync(this.path + from, this.path + to);
  }

  #drop(index: number): void {
    rmSync(`${this.path}.${index}`, { force: true });
    rmSync(`${this.path}.${index}.gz`, { force: true });
  }
}

function openForReading(path: string, compressed: boolean): { fd: number; compressed: boolean } | undefined {
  try {
    return { fd: openSync(path, 'r'), compressed };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
