/** Docker's limit of one log message: a longer line is stored in parts of this size, all but the last without a newline. */
export const maxLineBytes = 16 * 1024;

const newline = 10;

/**
 * Cuts a stream as Docker's copier does: lines with their newline, at most 16 KiB each. Lines that came together are emitted together, as one block of whole lines (cutting each
 * out costs more than all else); a part of a line that is too long, and at the end a line without a newline, come alone. What has no newline yet waits.
 */
export class LineSplitter {
  readonly #emit: (block: Buffer) => void;
  #rest: Buffer | undefined;

  constructor(emit: (block: Buffer) => void) {
    this.#emit = emit;
  }

  /** The unfinished line, for a client that comes in its middle. */
  get pending(): Buffer | undefined {
    return this.#rest;
  }

  /** Emits what is complete now, as views of `chunk` where they lie in it whole. */
  push(chunk: Buffer): void {
    const data = this.#rest ? Buffer.concat([this.#rest, chunk]) : chunk;
    this.#rest = undefined;
    const end = data.lastIndexOf(newline) + 1;
    let at = this.#wholeLines(data, end);
    for (; data.length - at >= maxLineBytes; at += maxLineBytes) this.#emit(data.subarray(at, at + maxLineBytes));
    // A copy, so that a small rest does not keep a large chunk alive.
    if (at < data.length) this.#rest = Buffer.from(data.subarray(at));
  }

  /** The stream is over: an unfinished line is a message too. */
  end(): void {
    const rest = this.#rest;
    this.#rest = undefined;
    if (rest) this.#emit(rest);
  }

  /** Emits the lines of `data` up to `end`, which is behind a newline. Looks for one newline in each stretch that one line may have, not for each. */
  #wholeLines(data: Buffer, end: number): number {
    let start = 0;
    for (let at = 0; end - at > maxLineBytes + 1; ) {
      const last = data.lastIndexOf(newline, at + maxLineBytes); // a line may have that many bytes and its newline
      if (last >= at) {
        at = last + 1;
        continue;
      }
      if (at > start) this.#emit(data.subarray(start, at));
      const lineEnd = data.indexOf(newline, at);
      for (; lineEnd - at > maxLineBytes; at += maxLineBytes) this.#emit(data.subarray(at, at + maxLineBytes));
      start = at; // the last part of the long line begins the next block
    }
    if (end > start) this.#emit(data.subarray(start, end));
    return end;
  }
}

/** The lines of a block, one by one. */
export function* linesOf(block: Buffer): Generator<Buffer> {
  for (let start = 0; start < block.length; ) {
    const at = block.indexOf(newline, start);
    const end = at < 0 ? block.length : at + 1;
    yield block.subarray(start, end);
    start = end;
  }
}
