/**
 * The smallest HTTP/1.1 client over a unix socket that can keep a server busy: requests are ready-made bytes, answers are only measured, not parsed beyond their length. It must cost less than the servers it measures.
 */

import * as http from 'node:http';
import * as net from 'node:net';

/** One ordinary request; resolves with status and body. For set-up, not for rates. */
export async function request(
  socketPath: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; body: string }> {
  const { status, rest } = await begin(socketPath, method, path, body);
  return { status, body: await rest };
}

/** A request whose answer comes in two parts: the status as soon as its header is there, and the rest. */
export function begin(
  socketPath: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; rest: Promise<string> }> {
  return new Promise((resolve, reject) => {
    const raw = body === undefined || Buffer.isBuffer(body);
    const payload = body === undefined ? undefined : Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
    const headers: Record<string, string | number> = { Host: 'bench' };
    if (payload) {
      headers['Content-Type'] = raw ? 'application/x-tar' : 'application/json';
      headers['Content-Length'] = payload.length;
    }
    const req = http.request({ socketPath, method, path, headers, agent }, (res) => {
      const rest = new Promise<string>((resolveRest, rejectRest) => {
        const chunks: Buffer[] = [];
        res.on('data', (chunk: Buffer) => chunks.push(chunk));
        res.on('end', () => resolveRest(Buffer.concat(chunks).toString()));
        res.on('error', rejectRest);
      });
      rest.catch(() => undefined); // told to whoever reads it
      resolve({ status: res.statusCode ?? 0, rest });
    });
    req.on('error', reject);
    req.end(payload);
  });
}

const agent = new http.Agent({ keepAlive: true, maxSockets: 128 });

/** Like `request`, but an answer outside 2xx is an error that shows what was asked. */
export async function must(socketPath: string, method: string, path: string, body?: unknown): Promise<string> {
  const answer = await request(socketPath, method, path, body);
  if (answer.status < 200 || answer.status > 299)
    throw new Error(`${method} ${path}: ${answer.status} ${answer.body.slice(0, 300)}`);
  return answer.body;
}

/** Requests per second of `GET path` over `connections` keep-alive connections during `seconds`. */
export async function rate(socketPath: string, path: string, options: { connections: number; seconds: number }): Promise<number> {
  const end = performance.now() + options.seconds * 1000;
  const started = performance.now();
  const counts = await Promise.all(Array.from({ length: options.connections }, () => hammer(socketPath, path, end)));
  return counts.reduce((sum, count) => sum + count, 0) / ((performance.now() - started) / 1000);
}

function hammer(socketPath: string, path: string, end: number): Promise<number> {
  const bytes = Buffer.from(`GET ${path} HTTP/1.1\r\nHost: bench\r\n\r\n`);
  return new Promise((resolve, reject) => {
    let count = 0;
    const socket = net.connect(socketPath, () => socket.write(bytes));
    const reader = new AnswerReader(() => {
      count++;
      if (performance.now() >= end) {
        socket.destroy();
        resolve(count);
      } else socket.write(bytes);
    });
    socket.on('data', (chunk) => {
      try {
        reader.push(chunk);
      } catch (error) {
        socket.destroy();
        reject(error);
      }
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`${path}: connection closed early`)));
  });
}

/** Finds the ends of answers in a byte stream: Content-Length or chunked. */
class AnswerReader {
  readonly #onAnswer: () => void;
  #pending: Buffer = Buffer.alloc(0);
  #remaining = -1;
  #chunked = false;

  constructor(onAnswer: () => void) {
    this.#onAnswer = onAnswer;
  }

  push(chunk: Buffer): void {
    if (this.#remaining > 0 && chunk.length <= this.#remaining) {
      this.#remaining -= chunk.length;
      if (this.#remaining === 0) this.#done();
      return;
    }
    this.#pending = this.#pending.length ? Buffer.concat([this.#pending, chunk]) : chunk;
    if (this.#remaining > 0) {
      this.#pending = this.#pending.subarray(this.#remaining);
      this.#remaining = 0;
      this.#done();
    }
    if (this.#chunked) this.#endOfChunks();
    else if (this.#remaining < 0) this.#head();
  }

  #head(): void {
    const end = this.#pending.indexOf('\r\n\r\n');
    if (end < 0) return;
    const head = this.#pending.toString('latin1', 0, end);
    if (!head.startsWith('HTTP/1.1 200')) throw new Error(head.split('\r\n')[0]);
    this.#pending = this.#pending.subarray(end + 4);
    const length = /\r\ncontent-length: (\d+)/i.exec(head);
    if (!length) {
      this.#chunked = true;
      this.#endOfChunks();
      return;
    }
    this.#remaining = Number(length[1]) - this.#pending.length;
    this.#pending = Buffer.alloc(0);
    if (this.#remaining === 0) this.#done();
  }

  #endOfChunks(): void {
    if (!this.#pending.subarray(-5).equals(lastChunk)) return;
    this.#pending = Buffer.alloc(0);
    this.#chunked = false;
    this.#done();
  }

  #done(): void {
    this.#remaining = -1;
    this.#onAnswer();
  }
}

const lastChunk = Buffer.from('0\r\n\r\n');
