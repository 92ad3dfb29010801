import { internal } from '../errors/error.ts';

const prefixBytes = 5;

/** What stands before a message on the wire: not compressed, and its length. */
export function framePrefix(length: number): Buffer {
  const prefix = Buffer.allocUnsafe(prefixBytes);
  prefix[0] = 0;
  prefix.writeUInt32BE(length, 1);
  return prefix;
}

/** Cuts a gRPC body into its messages, however the chunks fall. A message that came in one chunk is a view of it, not a copy. */
export class FrameReader {
  #chunks: Buffer[] = [];
  #length = 0;

  /** Takes a chunk and gives the messages that are complete now. */
  push(chunk: Buffer): Buffer[] {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    const messages: Buffer[] = [];
    for (;;) {
      const needed = this.#needed();
      if (needed === undefined || this.#length < needed) return messages;
      const whole = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks, this.#length);
      messages.push(whole.subarray(prefixBytes, needed));
      const rest = whole.subarray(needed);
      this.#chunks = rest.length > 0 ? [rest] : [];
      this.#length = rest.length;
    }
  }

  /** Bytes of the message at the front with its prefix; undefined while the prefix is not there. */
  #needed(): number | undefined {
    if (this.#length < prefixBytes) return undefined;
    let first = this.#chunks[0]!;
    if (first.length < prefixBytes) {
      first = Buffer.concat(this.#chunks, this.#length);
      this.#chunks = [first];
    }
    if (first[0] !== 0) throw internal('containerd sent a compressed message, which was not offered');
    return prefixBytes + first.readUInt32BE(1);
  }
}
