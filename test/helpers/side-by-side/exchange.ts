/* One request to an engine and everything that came back, as a client sees it. Requests are written by hand on a socket of their own, so that odd ones can be sent too. */
import { connect } from 'node:net';

/** What is sent. */
export interface Wish {
  readonly method: string;
  /** With its version prefix. */
  readonly path: string;
  /** An object is sent as JSON, text and bytes as they are. */
  readonly body?: unknown;
  /** Replace or add headers; '' leaves one out. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Ask to take the connection over, send this text, then half-close. */
  readonly stdin?: string;
  /** `stdin` without the Upgrade header. */
  readonly isPlain?: boolean;
  /** Send the body in chunks. */
  readonly isChunked?: boolean;
}

/** What came back. */
export interface Reply {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Sends one request and reads the answer to its end. */
export async function exchange(socketPath: string, wish: Wish, timeoutMs = 30_000): Promise<Reply> {
  const bytes = bodyOf(wish.body);
  const { promise, resolve, reject } = Promise.withResolvers<Reply>();
  const socket = connect({ path: socketPath, allowHalfOpen: true });
  const timer = setTimeout(() => socket.destroy(new Error(`${wish.method} ${wish.path}: no answer within the limit`)), timeoutMs);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    if (wish.stdin !== undefined) return;
    const reply = parse(Buffer.concat(chunks), wish.method, false);
    if (reply) {
      resolve(reply);
      socket.destroy();
    }
  });
  socket.on('end', () => {
    const reply = parse(Buffer.concat(chunks), wish.method, true);
    if (reply) resolve(reply);
    else reject(new Error(`${wish.method} ${wish.path}: closed after ${JSON.stringify(Buffer.concat(chunks).toString())}`));
    socket.end();
  });
  socket.on('error', reject);
  socket.write(head(wish, bytes));
  if (bytes && wish.isChunked) {
    for (let at = 0; at < bytes.length; at += 1000) {
      const part = bytes.subarray(at, at + 1000);
      socket.write(`${part.length.toString(16)}\r\n`);
      socket.write(part);
      socket.write('\r\n');
    }
    socket.write('0\r\n\r\n');
  } else if (bytes) socket.write(bytes);
  if (wish.stdin !== undefined) socket.end(wish.stdin);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

function bodyOf(body: unknown): Buffer | undefined {
  if (body === undefined) return undefined;
  if (typeof body === 'string' || body instanceof Uint8Array) return Buffer.from(body as string);
  return Buffer.from(JSON.stringify(body));
}

function head(wish: Wish, bytes: Buffer | undefined): string {
  const isHijack = wish.stdin !== undefined && !wish.isPlain;
  const headers: Record<string, string> = {
    Host: 'docker',
    ...(bytes && { 'Content-Type': 'application/json' }),
    ...(bytes && !wish.isChunked && { 'Content-Length': String(bytes.length) }),
    ...(bytes && wish.isChunked && { 'Transfer-Encoding': 'chunked' }),
    ...(!bytes && wish.method === 'POST' && !wish.isPlain && { 'Content-Length': '0' }),
    ...(isHijack && { Connection: 'Upgrade', Upgrade: 'tcp' }),
    ...wish.headers,
  };
  const lines = Object.entries(headers).flatMap(([name, value]) => (value === '' ? [] : [`${name}: ${value}`]));
  return `${wish.method} ${wish.path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`;
}

/** The answer in `data`, or undefined while it is not whole. */
function parse(data: Buffer, method: string, isEnded: boolean): Reply | undefined {
  const at = data.indexOf('\r\n\r\n');
  if (at < 0) return undefined;
  const [line = '', ...lines] = data.toString('latin1', 0, at).split('\r\n');
  const status = Number(line.split(' ')[1]);
  const rest = data.subarray(at + 4);
  if (status === 100) return parse(rest, method, isEnded);
  const headers: Record<string, string> = {};
  for (const one of lines) {
    const colon = one.indexOf(':');
    const name = one.slice(0, colon).toLowerCase();
    const value = one.slice(colon + 1).trim();
    headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
  }
  if (method === 'HEAD' || status === 204 || status === 304) return { status, headers, body: Buffer.alloc(0) };
  if (headers['transfer-encoding'] === 'chunked') {
    const body = dechunk(rest, isEnded);
    return body && { status, headers, body };
  }
  if (headers['content-length'] !== undefined) {
    const length = Number(headers['content-length']);
    return rest.length >= length || isEnded ? { status, headers, body: rest.subarray(0, length) } : undefined;
  }
  return isEnded ? { status, headers, body: rest } : undefined;
}

function dechunk(data: Buffer, isEnded: boolean): Buffer | undefined {
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const line = data.indexOf('\r\n', at);
    const size = line < 0 ? Number.NaN : Number.parseInt(data.toString('latin1', at, line), 16);
    if (size === 0) return Buffer.concat(parts);
    if (Number.isNaN(size) || data.length < line + 2 + size + 2)
      return isEnded ? Buffer.concat([...parts, Buffer.from('<cut>')]) : undefined;
    parts.push(data.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
}
