import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';

/** How long one server is waited for. */
const serverTimeoutMs = 4_000;

/** Asks the servers in order, over the protocol the client used; undefined when none answers. The answer is theirs, byte for byte. */
export async function forwardQuery(
  query: Buffer,
  servers: readonly string[],
  protocol: 'udp' | 'tcp',
): Promise<Buffer | undefined> {
  for (const text of servers) {
    const server = serverOf(text);
    const answer = protocol === 'udp' ? await askUdp(query, server) : await askTcp(query, server);
    if (answer) return answer;
  }
  return undefined;
}

interface Server {
  address: string;
  port: number;
}

/** `10.0.0.1`, and `10.0.0.1#5353` with another port (as dnsmasq writes it). */
function serverOf(text: string): Server {
  const [address = '', port = '53'] = text.split('#');
  return { address, port: Number(port) };
}

function askUdp(query: Buffer, { address, port }: Server): Promise<Buffer | undefined> {
  const socket = createSocket(isIPv6(address.split('%')[0] ?? '') ? 'udp6' : 'udp4'); // one a query: a random source port each
  const { promise, resolve } = Promise.withResolvers<Buffer | undefined>();
  const timer = setTimeout(() => resolve(undefined), serverTimeoutMs);
  socket.on('error', () => resolve(undefined));
  socket.on('message', (answer) => {
    if (answer.length >= 12 && answer.readUInt16BE(0) === query.readUInt16BE(0)) resolve(answer);
  });
  socket.connect(port, address, (...failure: unknown[]) => {
    if (failure[0]) return resolve(undefined);
    socket.send(query, (error) => {
      if (error) resolve(undefined);
    });
  });
  return promise.finally(() => {
    clearTimeout(timer);
    socket.close();
  });
}

function askTcp(query: Buffer, { address, port }: Server): Promise<Buffer | undefined> {
  const { promise, resolve } = Promise.withResolvers<Buffer | undefined>();
  const socket = connect({ host: address, port });
  const timer = setTimeout(() => resolve(undefined), serverTimeoutMs);
  let received = Buffer.alloc(0);
  socket.on('connect', () => socket.write(framed(query)));
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk]);
    if (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0))
      resolve(received.subarray(2, 2 + received.readUInt16BE(0)));
  });
  socket.on('error', () => resolve(undefined)).on('close', () => resolve(undefined));
  return promise.finally(() => {
    clearTimeout(timer);
    socket.destroy();
  });
}

/** A message as TCP carries it: its length in two bytes, then itself. */
export function framed(message: Buffer): Buffer {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(message.length);
  return Buffer.concat([head, message]);
}
