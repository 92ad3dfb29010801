/*
 * Node takes a request with an Upgrade header out of HTTP: the 'upgrade' event has the socket and the first bytes after the header, and no body and no response. Here the
 * body is collected, the rest put back, and a response made on the socket, so that the request runs through routing, hooks and authorization like any other and a refusal
 * is an ordinary answer. `takeOver` then answers 101 and hands the socket out.
 */
import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { setImmediate as nextTick } from 'node:timers/promises';
import { bodyStream, holdBody } from './body.ts';
import { commonHeaders } from './headers.ts';
import { hasBody, PlainStream } from './stream.ts';

/** An upgrade body is a small JSON object. */
const maxBodyBytes = 1 << 20;

const upgraded = Symbol('upgraded');

interface WithSocket {
  [upgraded]?: Duplex;
}

/** The socket of a request that came as an upgrade. */
export function upgradeSocket(raw: IncomingMessage): Duplex | undefined {
  return (raw as IncomingMessage & WithSocket)[upgraded]; // a symbol of this module's own
}

/** Makes an ordinary request and response of an 'upgrade' event and gives them to `dispatch`. */
export function onUpgrade(
  raw: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  dispatch: (raw: IncomingMessage, response: ServerResponse) => void,
): void {
  socket.on('error', () => undefined); // 'close' follows, and that is what counts
  collect(raw, socket, head, (body) => {
    if (body === undefined) {
      socket.destroy();
      return;
    }
    holdBody(raw, body);
    (raw as IncomingMessage & WithSocket)[upgraded] = socket;
    const response = new ServerResponse(raw);
    response.shouldKeepAlive = false;
    response.assignSocket(socket as never); // an http server's sockets are net.Sockets; the event's type is wider
    response.once('finish', () => {
      if (response.socket) socket.end();
    });
    dispatch(raw, response);
  });
}

function collect(raw: IncomingMessage, socket: Duplex, head: Buffer, done: (body: Buffer | undefined) => void): void {
  const length = Number(raw.headers['content-length'] ?? 0);
  if (!(length <= maxBodyBytes)) {
    done(undefined);
    return;
  }
  if (head.length > 0) socket.unshift(head);
  if (length === 0) {
    done(Buffer.alloc(0));
    return;
  }
  const chunks: Buffer[] = [];
  let size = 0;
  const leave = (body: Buffer | undefined): void => {
    socket.off('readable', onReadable);
    socket.off('end', onEnd);
    socket.off('close', onEnd);
    done(body);
  };
  const onEnd = (): void => leave(undefined);
  const onReadable = (): void => {
    for (let chunk: Buffer | null = socket.read(); chunk !== null; chunk = socket.read()) {
      chunks.push(chunk);
      size += chunk.length;
      if (size < length) continue;
      const all = Buffer.concat(chunks);
      if (all.length > length) socket.unshift(all.subarray(length));
      leave(all.subarray(0, length));
      return;
    }
  };
  socket.on('readable', onReadable);
  socket.on('end', onEnd);
  socket.on('close', onEnd);
}

/** How a connection is taken over. */
export interface TakeOver {
  readonly raw: IncomingMessage;
  readonly response: ServerResponse;
  readonly contentType: string;
  /** What the plain form reads as its input. */
  readonly wantsBody: boolean;
}

/**
 * Answers 101 (or 200 for a client that did not ask to upgrade) and gives the connection as a stream. The header has left in a write of its own when this resolves:
 * docker-py throws away what shares its segment.
 */
export async function takeOver(options: TakeOver): Promise<Duplex> {
  const { raw, response, contentType } = options;
  const socket = upgradeSocket(raw);
  if (!socket) {
    const body = options.wantsBody && hasBody(raw) ? bodyStream(raw) : undefined;
    const plain = new PlainStream(response, body, contentType);
    await nextTick();
    return plain;
  }
  response.detachSocket(socket as never); // as in onUpgrade
  const lines = { 'Content-Type': contentType, Connection: 'Upgrade', Upgrade: 'tcp', ...commonHeaders };
  const header = Object.entries(lines).map(([name, value]) => `${name}: ${value}\r\n`);
  await new Promise<void>((resolve) => socket.write(`HTTP/1.1 101 UPGRADED\r\n${header.join('')}\r\n`, () => resolve()));
  await nextTick();
  return socket;
}
