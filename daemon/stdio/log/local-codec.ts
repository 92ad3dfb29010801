import type { LogEntry } from '../contract.ts';
import { linesOf } from '../line-splitter.ts';
import type { LogCodec, ReadAt } from './codec.ts';

/*
 * The `local` driver's own format. A record is: u32 length of the body, body, the length again (so that a file can be read backwards); the body is
 * 1 byte stream (1 stdout, 2 stderr), i64 nanoseconds since the epoch, the line. All numbers big-endian.
 */
const headBytes = 9;
const frameBytes = 8;
/** No record is longer than Docker's longest message with its head. */
const maxBodyBytes = 64 * 1024;

/** Compact records for the `local` driver. */
export const localCodec: LogCodec = {
  encode({ stream, timeNano, line }) {
    const body = headBytes + line.length;
    const record = Buffer.allocUnsafe(body + frameBytes);
    record.writeUInt32BE(body, 0);
    record[4] = stream === 'stdout' ? 1 : 2;
    record.writeBigInt64BE(timeNano, 5);
    line.copy(record, 4 + headBytes);
    record.writeUInt32BE(body, 4 + body);
    return record;
  },
  encodeBlock(block, { stream, timeNano }, append) {
    let count = 0;
    for (const line of linesOf(block)) append(localCodec.encode({ stream, line, timeNano: timeNano + BigInt(count++) }));
    return count;
  },
  decoder: () => new LocalDecoder(),
  tail: tailRecords,
};

class LocalDecoder {
  #rest: Buffer | undefined;

  push(chunk: Buffer): LogEntry[] {
    const data = this.#rest ? Buffer.concat([this.#rest, chunk]) : chunk;
    const entries: LogEntry[] = [];
    let at = 0;
    while (data.length - at >= 4) {
      const body = data.readUInt32BE(at);
      if (body < headBytes || body > maxBodyBytes) {
        at = data.length; // damaged: what follows cannot be told apart
        break;
      }
      if (data.length - at < body + frameBytes) break;
      entries.push({
        stream: data[at + 4] === 2 ? 'stderr' : 'stdout',
        timeNano: data.readBigInt64BE(at + 5),
        line: Buffer.from(data.subarray(at + 4 + headBytes, at + 4 + body)),
      });
      at += body + frameBytes;
    }
    this.#rest = at < data.length ? Buffer.from(data.subarray(at)) : undefined;
    return entries;
  }
}

async function tailRecords(read: ReadAt, size: number, count: number): Promise<{ offset: number; count: number }> {
  let offset = size;
  let found = 0;
  // Records are short, so a block holds many: the lengths are picked out of it, not read one by one.
  let block: Buffer = Buffer.alloc(0);
  let blockStart = size;
  while (found < count && offset >= frameBytes + headBytes) {
    if (offset - 4 < blockStart) {
      blockStart = Math.max(0, offset - maxBodyBytes);
      block = await read(blockStart, offset - blockStart);
    }
    const body = block.readUInt32BE(offset - 4 - blockStart);
    if (body < headBytes || body + frameBytes > offset) break;
    offset -= body + frameBytes;
    found += 1;
  }
  return { offset, count: found };
}
