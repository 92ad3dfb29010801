import { type IncomingHttpHeaders, request } from 'node:http';

/** One answer, read to its end. */
export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  /** The body parsed; throws when it is not JSON. */
  json<T = unknown>(): T;
}

/** What a call sends. `body` is sent as JSON unless it is a string or bytes. */
export interface CallOptions {
  body?: unknown;
  headers?: Record<string, string>;
  timeoutMs?: number;
}

/** Makes one HTTP call over a unix socket, on a connection of its own. */
export async function call(socketPath: string, method: string, path: string, options: CallOptions = {}): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const isRaw = typeof options.body === 'string' || options.body instanceof Uint8Array;
  const body = options.body === undefined ? undefined : isRaw ? (options.body as string) : JSON.stringify(options.body);
  const headers: Record<string, string | number> = { ...options.headers };
  if (body !== undefined && !isRaw) headers['Content-Type'] ??= 'application/json';
  if (body !== undefined && !('Transfer-Encoding' in headers)) headers['Content-Length'] = Buffer.byteLength(body);
  const outgoing = request(
    { socketPath, method, path, headers, agent: false, timeout: options.timeoutMs ?? 60_000 },
    (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text, json: <T>() => JSON.parse(text) as T });
      });
    },
  );
  outgoing.on('timeout', () => outgoing.destroy(new Error(`${method} ${path}: no answer within the limit`)));
  outgoing.on('error', reject);
  outgoing.end(body);
  return promise;
}
