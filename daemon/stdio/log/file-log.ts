import type { ContainerLog, LogEntry, LogReadOptions } from '../contract.ts';
import type { LogCodec } from './codec.ts';
import { readFileLog } from './file-reader.ts';
import { RotatingFile, type RotationOptions } from './rotating-file.ts';

/** A log in rotated files: json-file and local. */
export class FileLog implements ContainerLog {
  readonly path: string;
  readonly #file: RotatingFile;
  readonly #codec: LogCodec;
  readonly #ends = { count: 0 };
  readonly #append = (record: string | Buffer): void => this.#file.append(record);

  /** `shownPath` is what inspect tells; Docker names only json-file's. */
  constructor(codec: LogCodec, rotation: RotationOptions, shownPath: string) {
    this.path = shownPath;
    this.#codec = codec;
    this.#file = new RotatingFile(rotation);
  }

  write(entry: LogEntry): void {
    this.#file.append(this.#codec.encode(entry));
    this.#file.write();
  }

  writeBlock(block: Buffer, first: Pick<LogEntry, 'stream' | 'timeNano'>): number {
    const count = this.#codec.encodeBlock(block, first, this.#append);
    this.#file.write();
    return count;
  }

  read(options: LogReadOptions): AsyncIterable<LogEntry[]> {
    return readFileLog(this.#file, this.#codec, this.#ends, options);
  }

  async flush(): Promise<void> {
    this.#ends.count += 1;
    this.#file.close(); // an ended container holds no file; the next write opens it again
    this.#file.wake();
  }

  async close(): Promise<void> {
    await this.flush();
  }

  async remove(): Promise<void> {
    await this.close();
    await this.#file.remove();
  }
}
