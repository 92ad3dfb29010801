import type { LogEntry } from '../contract.ts';

/** Reads at an absolute position of a file; fewer bytes than asked for only at its end. */
export type ReadAt = (position: number, length: number) => Promise<Buffer>;

/** How one kind of log file holds its entries. */
export interface LogCodec {
  encode(entry: LogEntry): string | Buffer;
  /** A block of lines, each a nanosecond after the one before; `append` is called with each record. Returns how many there were. */
  encodeBlock(block: Buffer, first: Pick<LogEntry, 'stream' | 'timeNano'>, append: (record: string | Buffer) => void): number;
  /** Reads forward; keeps what is incomplete at the end of a chunk for the next. Damaged records are left out. */
  decoder(): { push(chunk: Buffer): LogEntry[] };
  /** Where the last `count` records begin and how many there are (fewer when the file has fewer), read from the end backwards. */
  tail(read: ReadAt, size: number, count: number): Promise<{ offset: number; count: number }>;
}
