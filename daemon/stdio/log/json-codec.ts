import { formatNano, parseRfc3339 } from '../../lib/time.ts';
import type { LogEntry } from '../contract.ts';
import type { LogCodec, ReadAt } from './codec.ts';

const blockBytes = 64 * 1024;

/** Docker's json-file: one `{"log":…,"stream":…,"attrs":…,"time":…}` a line, byte for byte as dockerd writes it. `attrs` are the same for every entry. */
export function jsonCodec(attrs: Record<string, string> | undefined): LogCodec {
  const attrsText = attrs && Object.keys(attrs).length > 0 ? `,"attrs":${goJson(attrs)}` : '';
  const heads = { stdout: `,"stream":"stdout"${attrsText},"time":"`, stderr: `,"stream":"stderr"${attrsText},"time":"` };
  const stamp = new Stamp();
  return {
    encode: ({ line, stream, timeNano }) =>
      `{"log":${escapeText(line.toString('utf8'))}${heads[stream]}${stamp.at(timeNano)}Z"}\n`,
    encodeBlock(block, { stream, timeNano }, append) {
      const text = block.toString('utf8');
      const isPlain = !anySpecial.test(text);
      const head = heads[stream];
      let count = 0;
      for (let start = 0; start < text.length; count += 1) {
        const at = text.indexOf('\n', start);
        const end = at < 0 ? text.length : at;
        const log = isPlain
          ? `"${text.slice(start, end)}${at < 0 ? '' : '\\n'}"`
          : escapeText(text.slice(start, at < 0 ? end : end + 1));
        append(`{"log":${log}${head}${count === 0 ? stamp.at(timeNano) : stamp.next()}Z"}\n`);
        start = end + 1;
      }
      return count;
    },
    decoder: () => new JsonDecoder(),
    tail: tailLines,
  };
}

const second = 1_000_000_000n;

/** RFC 3339 without trailing zeros and zone, as Go writes it. Lines come many a second: the text of the last second is kept. */
class Stamp {
  #start = -(2n ** 64n); // no second yet
  #text = '';
  #fraction = 0;

  /** The text of a moment. */
  at(timeNano: bigint): string {
    const since = timeNano - this.#start;
    if (since < 0n || since >= second) {
      this.#start = timeNano - (timeNano % second);
      this.#text = formatNano(timeNano).slice(0, 19);
    }
    this.#fraction = Number(timeNano - this.#start);
    return this.#shown();
  }

  /** The text of a nanosecond later. */
  next(): string {
    this.#fraction += 1;
    return this.#fraction < 1e9 ? this.#shown() : this.at(this.#start + second);
  }

  #shown(): string {
    if (this.#fraction === 0) return this.#text;
    let digits = String(this.#fraction + 1e9).slice(1);
    if (digits.charCodeAt(8) === 48) digits = digits.replace(/0+$/, '');
    return `${this.#text}.${digits}`;
  }
}

// Go's jsonlog escapes all control characters but \n and \r as \u00XX, and <, >, & and the two JavaScript line ends too.
const special = /[<>&\u2028\u2029]|\\[bft]/;

/** Anything that a JSON text cannot have as it is, newlines aside. */
const anySpecial = /[\u0000-\u0009\u000b-\u001f"\\<>&\u2028\u2029]/;

function escapeText(text: string): string {
  const json = JSON.stringify(text);
  if (!special.test(json)) return json;
  return json.replace(/\\.|[<>&\u2028\u2029]/g, (one) => goEscapes[one] ?? one);
}

const goEscapes: Record<string, string> = {
  '\\b': '\\u0008',
  '\\f': '\\u000c',
  '\\t': '\\u0009',
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
};

function goJson(value: Record<string, string>): string {
  const sorted = Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  return JSON.stringify(sorted).replace(/[<>&\u2028\u2029]/g, (one) => goEscapes[one] ?? one);
}

class JsonDecoder {
  #rest: Buffer | undefined;

  push(chunk: Buffer): LogEntry[] {
    const data = this.#rest ? Buffer.concat([this.#rest, chunk]) : chunk;
    const entries: LogEntry[] = [];
    let start = 0;
    for (let end = data.indexOf(10, start); end >= 0; end = data.indexOf(10, start)) {
      const entry = parseEntry(data.toString('utf8', start, end));
      if (entry) entries.push(entry);
      start = end + 1;
    }
    this.#rest = start < data.length ? Buffer.from(data.subarray(start)) : undefined;
    return entries;
  }
}

function parseEntry(text: string): LogEntry | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined; // cut short by a power loss
  }
  if (value === null || typeof value !== 'object') return undefined;
  const { log, stream, time, attrs } = value as {
    log?: unknown;
    stream?: unknown;
    time?: unknown;
    attrs?: Record<string, string>;
  };
  const timeNano = typeof time === 'string' ? parseRfc3339(time) : undefined;
  if (typeof log !== 'string' || timeNano === undefined) return undefined;
  const entry: LogEntry = { stream: stream === 'stderr' ? 'stderr' : 'stdout', timeNano, line: Buffer.from(log) };
  if (attrs) entry.attrs = attrs;
  return entry;
}

async function tailLines(read: ReadAt, size: number, count: number): Promise<{ offset: number; count: number }> {
  if (count <= 0) return { offset: size, count: 0 };
  let found = 0;
  let end = size;
  while (end > 0) {
    const start = Math.max(0, end - blockBytes);
    const block = await read(start, end - start);
    for (let at = block.lastIndexOf(10); at >= 0; at = at > 0 ? block.lastIndexOf(10, at - 1) : -1) {
      if (start + at === size - 1) continue; // the newline of the last line
      found += 1;
      if (found === count) return { offset: start + at + 1, count };
    }
    end = start;
  }
  return { offset: 0, count: size > 0 ? found + 1 : 0 };
}
