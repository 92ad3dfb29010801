const wholeBytes = 64 * 1024;
const keptBuffers = 8;
/** Less than this is not worth a whole buffer: a slow client may hold many small chunks. */
const smallBytes = 16 * 1024;

/** Buffers that are free again, for all processes. */
const free: Buffer[] = [];

/** Output of a process on its way to its clients: copied out of the reader's buffer once, however many clients there are, into a buffer that is used again when all have sent it. */
export class Chunk {
  readonly #source: Buffer;
  #whole: Buffer | undefined;
  #users = 0;

  constructor(source: Buffer) {
    this.#source = source;
  }

  /** Bytes that last until `release` is called as often as this was. */
  share(): Buffer {
    this.#users += 1;
    const { length } = this.#source;
    if (!this.#whole) {
      const isReused = length >= smallBytes && length <= wholeBytes;
      this.#whole = isReused ? (free.pop() ?? Buffer.allocUnsafeSlow(wholeBytes)) : Buffer.allocUnsafe(length);
      this.#source.copy(this.#whole);
    }
    return this.#whole.subarray(0, length);
  }

  release(): void {
    this.#users -= 1;
    if (this.#users === 0 && this.#whole?.length === wholeBytes && free.length < keptBuffers) free.push(this.#whole);
  }

  /** Bytes of the caller's own. */
  copy(): Buffer {
    return Buffer.from(this.#source);
  }
}
