import type { Writable } from 'node:stream';
import type { StreamName } from './contract.ts';

/** Docker's 8-byte header of a multiplexed stream: 1 byte stream (1 stdout, 2 stderr), 3 zero bytes, length as u32 big-endian. */
export function frameHeader(stream: StreamName, length: number): Buffer {
  const header = Buffer.allocUnsafe(8);
  header.writeUInt32BE(stream === 'stdout' ? 0x01000000 : 0x02000000, 0);
  header.writeUInt32BE(length, 4);
  return header;
}

/** Writes one frame without copying the payload; false when `output` wants its reader to catch up first. `done` is called when it is written, or never will be. */
export function writeFrame(output: Writable, stream: StreamName, payload: Uint8Array, done?: () => void): boolean {
  output.cork();
  output.write(frameHeader(stream, payload.length));
  const more = output.write(payload, done);
  output.uncork();
  return more;
}
