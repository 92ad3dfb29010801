/*
 * Bodies are read here and not by fastify: tar bodies stream, JSON comes with and without a content type, and the body of an upgrade request has been taken off its
 * socket before routing (`upgrade.ts` keeps it under `upgradeBody`).
 */
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { invalidArgument, messageOf, PouchError } from '../../errors/error.ts';

/** A JSON body may have this many bytes. */
const maxBytes = 8 << 20;

const heldBody = Symbol('body');

interface WithHeldBody {
  [heldBody]?: Buffer;
}

/** Keeps a body that was read already, for `readBody` and `bodyStream`. */
export function holdBody(raw: IncomingMessage, body: Buffer): void {
  (raw as IncomingMessage & WithHeldBody)[heldBody] = body; // a symbol of this module's own
}

/** The body as a stream, for routes with `rawBody`: use this, not `request.raw`, or upgrades and authorised requests come empty. */
export function bodyStream(raw: IncomingMessage): Readable {
  const held = (raw as IncomingMessage & WithHeldBody)[heldBody];
  return held ? Readable.from(held.length > 0 ? [held] : [], { objectMode: false }) : raw;
}

/** Reads the whole body. Throws tooLarge above 8 MiB and `cancelled` when the client leaves in the middle. */
export async function readBody(raw: IncomingMessage): Promise<Buffer> {
  const held = (raw as IncomingMessage & WithHeldBody)[heldBody];
  if (held) return held;
  if (raw.headers['transfer-encoding'] === undefined && Number(raw.headers['content-length'] ?? 0) === 0) return Buffer.alloc(0);
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let size = 0;
  raw.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size <= maxBytes) chunks.push(chunk);
    else reject(new PouchError('tooLarge', `request body is larger than ${maxBytes} bytes`)); // the rest is read and dropped
  });
  raw.once('end', () => resolve(Buffer.concat(chunks)));
  raw.once('error', (error) => reject(new PouchError('cancelled', 'client left while its request was read', { cause: error })));
  return promise;
}

/**
 * A body as JSON; undefined for none. A body without a content type counts as JSON, one that says it is something else is refused with Docker's text, and so is
 * what is not JSON.
 */
export function parseJson(body: Buffer, contentType: string | undefined): unknown {
  if (body.length === 0) return undefined;
  const [mediaType = ''] = (contentType ?? '').split(';');
  if (mediaType !== '' && mediaType.trim().toLowerCase() !== 'application/json') {
    throw invalidArgument(`Content-Type specified (${contentType}) must be 'application/json'`);
  }
  const text = body.toString();
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalidArgument(`invalid JSON: ${goText(messageOf(error), text)}`, error);
  }
}

/** Where V8's decoder stopped, in the words of Go's. */
const places: [RegExp, string][] = [
  [/property name/, 'looking for beginning of object key string'],
  [/Expected ',' or '}'/, 'after object key:value pair'],
  [/Expected ',' or '\]'/, 'after array element'],
  [/Expected ':'/, 'after object key'],
  [/after JSON/, 'after top-level value'],
];

function goText(message: string, text: string): string {
  const at = Number(/position (\d+)/.exec(message)?.[1] ?? Number.NaN);
  if (/Unexpected end|Unterminated/.test(message) || at >= text.length) return 'unexpected EOF';
  const token = Number.isNaN(at) ? /^Unexpected token '(.)'/su.exec(message)?.[1] : text[at];
  if (token === undefined) return message;
  const place = places.find(([pattern]) => pattern.test(message))?.[1] ?? 'looking for beginning of value';
  return `invalid character '${token}' ${place}`;
}
