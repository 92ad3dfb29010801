import type { IncomingMessage, ServerResponse } from 'node:http';
import { Duplex, type Readable } from 'node:stream';
import { commonHeaders } from './headers.ts';

/** Writes the header of a 200 answer whose body comes later, chunked, and sends it off at once. */
export function startStream(response: ServerResponse, contentType: string): ServerResponse {
  response.writeHead(200, { ...commonHeaders, 'Content-Type': contentType });
  response.flushHeaders();
  return response;
}

/**
 * Docker's stream for a client that did not ask for an upgrade: 200 without length or chunks, raw bytes until the connection closes. The readable side is what
 * is left of the request's body.
 */
export class PlainStream extends Duplex {
  readonly #response: ServerResponse;
  readonly #body: Readable | undefined;

  constructor(response: ServerResponse, body: Readable | undefined, contentType: string) {
    super({ allowHalfOpen: true });
    this.#response = response;
    this.#body = body;
    response.useChunkedEncodingByDefault = false;
    response.shouldKeepAlive = false;
    response.writeHead(200, { ...commonHeaders, 'Content-Type': contentType, Connection: 'close' });
    response.flushHeaders();
    response.once('close', () => this.destroy());
    response.on('error', () => this.destroy());
    body?.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) body.pause();
    });
    body?.once('end', () => this.push(null));
    body?.once('error', () => this.destroy());
    if (!body) this.push(null);
  }

  override _read(): void {
    this.#body?.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#response.write(chunk)) {
      done();
      return;
    }
    const go = (): void => {
      this.#response.off('drain', go);
      this.#response.off('close', go);
      done();
    };
    this.#response.on('drain', go);
    this.#response.on('close', go);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#response.end(() => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#response.destroy();
    done(error);
  }
}

/** True for a request that may still have a body to read. */
export function hasBody(raw: IncomingMessage): boolean {
  return !raw.readableEnded && (raw.headers['transfer-encoding'] !== undefined || Number(raw.headers['content-length'] ?? 0) > 0);
}
