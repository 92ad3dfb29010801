/*
 * Pings without the HTTP machinery. Clients ping before everything else, monitors do nothing but ping; most of such a request's cost is Node's parser, streams and response. So a
 * new connection is read here first: as long as exactly a plain `GET` or `HEAD /_ping` comes in one piece it is answered with bytes made before. With anything else the
 * connection goes to the HTTP server for good, first bytes included, and nothing of this is left on it.
 */
import type { Socket } from 'node:net';
import { commonHeaders, pingHeaders } from './headers.ts';

/** Whether pings may be answered here at the moment, and who counts them. */
export interface PingPolicy {
  mayAnswer(): boolean;
  count(): void;
}

const end = '\r\n\r\n';
/** Headers that make a request more than a plain one. */
const special = /\r\n(?:connection:(?! *keep-alive\r)|upgrade:|expect:|content-length:|transfer-encoding:)/i;

let madeFor = 0;
let getAnswer: Uint8Array = new Uint8Array();
let headAnswer: Uint8Array = new Uint8Array();

/** Serves pings on a connection until something else comes, then calls `handOver` and lets it have that. */
export function pingFirst(socket: Socket, policy: PingPolicy, handOver: () => void): void {
  let known: Uint8Array = new Uint8Array();
  let isHead = false;
  const onData = (chunk: Buffer): void => {
    if (policy.mayAnswer()) {
      if (!chunk.equals(known)) {
        const method = pingMethod(chunk);
        known = method === undefined ? new Uint8Array() : chunk;
        isHead = method === 'HEAD';
      }
      if (known.length > 0) {
        policy.count();
        socket.write(answer(isHead));
        return;
      }
    }
    socket.off('data', onData);
    socket.off('end', onEnd);
    handOver();
    socket.unshift(chunk);
  };
  const onEnd = (): void => void socket.end();
  socket.on('data', onData);
  socket.on('end', onEnd);
  socket.on('error', () => undefined); // 'close' follows; the HTTP server has a listener of its own
}

/** The method of a chunk that is one whole plain ping; undefined for anything else. */
export function pingMethod(chunk: Buffer): 'GET' | 'HEAD' | undefined {
  if (chunk.length > 2048) return undefined;
  const text = chunk.toString('latin1');
  const method = text.startsWith('GET /_ping HTTP/1.1\r\n')
    ? 'GET'
    : text.startsWith('HEAD /_ping HTTP/1.1\r\n')
      ? 'HEAD'
      : undefined;
  if (!method || text.indexOf(end) !== text.length - end.length || !/\r\nhost:/i.test(text)) return undefined;
  return special.test(text) ? undefined : method;
}

function answer(isHead: boolean): Uint8Array {
  const second = Math.floor(Date.now() / 1000);
  if (second !== madeFor) {
    madeFor = second;
    getAnswer = bytes(second, 'OK', 2);
    headAnswer = bytes(second, '', 0);
  }
  return isHead ? headAnswer : getAnswer;
}

function bytes(second: number, body: string, length: number): Uint8Array {
  const headers = {
    ...commonHeaders,
    ...pingHeaders,
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': length,
    Date: new Date(second * 1000).toUTCString(),
    Connection: 'keep-alive',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`HTTP/1.1 200 OK\r\n${lines.join('')}\r\n${body}`);
}
