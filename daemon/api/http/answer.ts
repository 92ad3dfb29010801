import type { ServerResponse } from 'node:http';
import { kindOf, messageOf } from '../../errors/error.ts';
import { wire } from '../../errors/wire.ts';
import { commonHeaderList, jsonType } from './headers.ts';

/** An answer before it is written. */
export interface Answer {
  readonly status: number;
  /** Name, value, name, value … besides the common ones. */
  readonly headers: readonly string[];
  readonly body: Buffer | string | undefined;
}

/** Statuses that never have a body. */
const bodiless = new Set<number>([204, wire.notModified.http]);

/** The answer for what a handler returned, as JSON with Go's newline at its end: text or bytes are JSON that was serialised before (or of the type that `headers` say), undefined is an empty body. */
export function valueAnswer(value: unknown, status: number, headers: readonly string[] = []): Answer {
  if (value === undefined || bodiless.has(status)) return { status, headers, body: undefined };
  const body = typeof value === 'string' ? encoded(value) : Buffer.isBuffer(value) ? value : `${JSON.stringify(value)}\n`;
  return { status, headers: headers.includes('content-type') ? headers : ['Content-Type', jsonType, ...headers], body };
}

/** The answer for what a handler threw. */
export function errorAnswer(error: unknown): Answer {
  const status = wire[kindOf(error)].http;
  return valueAnswer({ message: messageOf(error) }, status);
}

/** Docker's answer for a path or method that does not exist. */
export const pageNotFound: Answer = valueAnswer({ message: 'page not found' }, wire.notFound.http);

/** Docker answers OPTIONS of any path, with nothing in it. */
export const optionsAnswer: Answer = valueAnswer(undefined, 200);

/** Where a path with doubled or dotted parts is sent; Go's router does the same. */
export function redirectAnswer(location: string): Answer {
  return { status: 301, headers: ['Location', location], body: undefined };
}

/** Writes an answer in one go. */
export function writeAnswer(response: ServerResponse, answer: Answer, isHead: boolean): void {
  const { status, headers, body } = answer;
  const list = [...commonHeaderList, ...headers];
  if (!bodiless.has(status)) list.push('Content-Length', String(body === undefined ? 0 : Buffer.byteLength(body)));
  response.writeHead(status, list);
  response.end(isHead ? undefined : body);
}

let lastText = '';
let lastBytes: Buffer = Buffer.alloc(0);

/** Lists serve the same long text again and again: its bytes are made once. Comparing the same string object costs nothing. */
function encoded(text: string): Buffer | string {
  if (text.length < 4096) return text;
  if (text !== lastText) {
    lastBytes = Buffer.from(text);
    lastText = text;
  }
  return lastBytes;
}
