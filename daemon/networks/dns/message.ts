/*
 * As much of DNS's wire format (RFC 1035) as a server of container names needs: the header and first question of a query, and answers with A, AAAA and PTR records.
 * Everything else is forwarded as it came, byte for byte.
 */
import { type Address, parseAddress } from '../../lib/ip.ts';

/** Record types by number. */
export const recordType = { A: 1, PTR: 12, AAAA: 28, OPT: 41, ANY: 255 } as const;
/** Response codes by number. */
export const responseCode = {
  noError: 0,
  formatError: 1,
  serverFailure: 2,
  nameError: 3,
  notImplemented: 4,
  refused: 5,
} as const;

/** The first question of a query. */
export interface Question {
  /** Without the final dot, as the client spelled it. */
  name: string;
  type: number;
  class: number;
  /** Where the question ends in the message. */
  end: number;
  /** What the client can take over UDP. */
  maxBytes: number;
}

/** One record of an answer; its name is the question's. */
export type Answer = { type: 'A' | 'AAAA'; address: string } | { type: 'PTR'; name: string };

/** Seconds that clients may keep an answer; as Docker's server says. */
const ttlSeconds = 600;

/** Reads a query; undefined for what is none (too short, an answer, no question, a broken name). */
export function readQuery(message: Buffer): Question | undefined {
  if (message.length < 17 || (message.readUInt8(2) & 0x80) !== 0 || message.readUInt16BE(4) < 1) return undefined;
  const labels: string[] = [];
  let at = 12;
  for (;;) {
    const length = message[at];
    if (length === undefined || length > 63 || labels.length > 127) return undefined;
    at += 1;
    if (length === 0) break;
    if (at + length > message.length) return undefined;
    labels.push(message.toString('latin1', at, at + length));
    at += length;
  }
  if (at + 4 > message.length) return undefined;
  const question = { name: labels.join('.'), type: message.readUInt16BE(at), class: message.readUInt16BE(at + 2), end: at + 4 };
  return { ...question, maxBytes: udpSize(message, question.end) };
}

/** The size that an EDNS record offers; it is the usual first additional record after an empty answer and authority. */
function udpSize(message: Buffer, end: number): number {
  const hasOpt =
    message.readUInt16BE(10) > 0 &&
    message.length >= end + 11 &&
    message[end] === 0 &&
    message.readUInt16BE(end + 1) === recordType.OPT;
  return hasOpt ? Math.max(512, Math.min(4096, message.readUInt16BE(end + 3))) : 512;
}

/** Builds the response to a query. `maxBytes` cuts the answers and sets the truncation flag: the client asks again over TCP. */
export function buildResponse(
  query: Buffer,
  question: Question,
  options: { code: number; answers?: readonly Answer[]; maxBytes?: number },
): Buffer {
  const { code, answers = [], maxBytes = 65_535 } = options;
  const records: Buffer[] = [];
  let size = question.end;
  let isCut = false;
  for (const answer of answers) {
    const record = recordOf(answer);
    if (size + record.length > maxBytes) {
      isCut = true;
      break;
    }
    records.push(record);
    size += record.length;
  }
  const head = Buffer.from(query.subarray(0, question.end));
  const recursionDesired = head.readUInt8(2) & 0x01;
  head.writeUInt8(0x80 | (isCut ? 0x02 : 0) | recursionDesired, 2);
  head.writeUInt8(0x80 | code, 3);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(records.length, 6);
  head.writeUInt32BE(0, 8);
  return Buffer.concat([head, ...records]);
}

function recordOf(answer: Answer): Buffer {
  const data = answer.type === 'PTR' ? encodeName(answer.name) : addressBytes(parseAddress(answer.address));
  const record = Buffer.alloc(12);
  record.writeUInt16BE(0xc00c, 0); // the question's name
  record.writeUInt16BE(recordType[answer.type], 2);
  record.writeUInt16BE(1, 4);
  record.writeUInt32BE(ttlSeconds, 6);
  record.writeUInt16BE(data.length, 10);
  return Buffer.concat([record, data]);
}

function encodeName(name: string): Buffer {
  const labels = name.split('.').filter((one) => one !== '');
  return Buffer.concat([
    ...labels.flatMap((one) => [Buffer.from([Math.min(one.length, 63)]), Buffer.from(one.slice(0, 63), 'latin1')]),
    Buffer.from([0]),
  ]);
}

function addressBytes(address: Address | undefined): Buffer {
  if (!address) return Buffer.alloc(0);
  const hex = address.value.toString(16).padStart(address.version === 4 ? 8 : 32, '0');
  return Buffer.from(hex, 'hex');
}
