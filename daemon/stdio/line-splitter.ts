/** Docker's limit of one log message: a longer line is stored in parts of this size, all but the last without a newline. */
export const maxLineBytes = 16 * 1024;

/** Cuts a stream into log lines as Docker's copier does: with their newline, at most 16 KiB each; what has no newline yet waits for more, or for `end`. */
export class LineSplitter {
  readonly #emit: (line: Buffer) => void;
  #rest: Buffer | undefined;

  constructor(emit: (line: Buffer) => void) {
    this.#emit = emit;
  }

  /** The unfinished line, for a client that comes in its middle. */
  get pending(): Buffer | undefined {
    return this.#rest;
  }

  /** Emits every line that is complete now. Lines are views of `chunk` where they lie in it whole. */
  push(chunk: Buffer): void {
    let data = this.#rest ? Buffer.concat([this.#rest, chunk]) : chunk;
    this.#rest = undefined;
    while (data.length > 0) {
      const newline = data.indexOf(10);
      let length = newline < 0 ? data.length : newline + 1;
      // Docker counts the line without its newline, so 16384 bytes and a newline are one message.
      if (length - (newline < 0 ? 0 : 1) > maxLineBytes) length = maxLineBytes;
      else if (newline < 0 && length < maxLineBytes) {
        this.#rest = Buffer.from(data); // a copy, so that a small rest does not keep a large chunk alive
        return;
      }
      this.#emit(data.subarray(0, length));
      data = data.subarray(length);
    }
  }

  /** The stream is over: an unfinished line is a message too. */
  end(): void {
    const rest = this.#rest;
    this.#rest = undefined;
    if (rest) this.#emit(rest);
  }
}
