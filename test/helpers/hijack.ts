import { connect, type Socket } from 'node:net';

/** A connection that was taken over: what came after the header, and the socket to write to. */
export interface Hijacked {
  readonly status: number;
  readonly header: string;
  readonly socket: Socket;
  /** Everything received so far, without the header. */
  bytes(): Buffer;
  /** Resolves with all bytes when the server has closed its side. */
  readonly ended: Promise<Buffer>;
}

/** Makes a POST that asks to take the connection over (or, with `plain`, does not), and resolves once the header is there. */
export async function hijack(
  socketPath: string,
  path: string,
  options: { body?: unknown; plain?: boolean } = {},
): Promise<Hijacked> {
  const socket = connect({ path: socketPath, allowHalfOpen: true });
  const body = options.body === undefined ? '' : JSON.stringify(options.body);
  const upgrade = options.plain ? '' : 'Connection: Upgrade\r\nUpgrade: tcp\r\n';
  socket.write(
    `POST ${path} HTTP/1.1\r\nHost: d\r\n${upgrade}Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  const { promise, resolve, reject } = Promise.withResolvers<Hijacked>();
  const end = Promise.withResolvers<Buffer>();
  let data = Buffer.alloc(0);
  let start = -1;
  socket.on('data', (chunk: Buffer) => {
    data = Buffer.concat([data, chunk]);
    if (start >= 0) return;
    const at = data.indexOf('\r\n\r\n');
    if (at < 0) return;
    start = at + 4;
    const header = data.toString('latin1', 0, at);
    resolve({ status: Number(header.split(' ')[1]), header, socket, bytes: () => data.subarray(start), ended: end.promise });
  });
  socket.once('error', reject);
  socket.once('end', () => {
    socket.end();
    end.resolve(data.subarray(Math.max(start, 0)));
    reject(new Error(`no answer: ${data.toString()}`));
  });
  return await promise;
}

/** The payloads of multiplexed bytes by stream. Throws for what is no frame. */
export function demultiplex(bytes: Buffer): { stdout: string; stderr: string } {
  const parts = { stdout: '', stderr: '' };
  for (let at = 0; at < bytes.length; ) {
    const stream = bytes[at];
    if ((stream !== 1 && stream !== 2) || bytes.readUIntBE(at + 1, 3) !== 0)
      throw new Error(`no frame at ${at}: ${bytes.toString('latin1', at, at + 40)}`);
    const length = bytes.readUInt32BE(at + 4);
    parts[stream === 1 ? 'stdout' : 'stderr'] += bytes.toString('latin1', at + 8, at + 8 + length);
    at += 8 + length;
  }
  return parts;
}
