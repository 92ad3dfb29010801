/*
 * The daemon's DNS server for containers on user-defined networks. It listens on the host's loopback only; inside a namespace 127.0.0.11:53 is led to the bridge's address, and
 * the host's rules lead that here (rules.ts). Who asks is known by the source address, which the namespace's rules make the container's own. Names that no container
 * has go to the host's resolvers, over UDP or TCP as they came.
 */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { createServer, type Server, type Socket } from 'node:net';
import { PouchError } from '../../errors/error.ts';
import type { SandboxRecord } from '../record.ts';
import type { Room } from '../room.ts';
import { networkOfEndpoint } from '../wiring.ts';
import { hostDnsOf } from './for-container.ts';
import { forwardQuery, framed } from './forward.ts';
import { buildResponse, type Question, readQuery, responseCode } from './message.ts';
import { resolveQuestion } from './resolve.ts';

/** A client may send no more than this over TCP before a complete query. */
const maxQueryBytes = 65_537;
/** Forwarded queries that may wait at the same time; Docker's server has the same limit. */
const maxConcurrent = 1024;
const tcpIdleMs = 10_000;

/** One server for all networks. */
export class DnsServer {
  readonly #room: Pick<Room, 'names' | 'config' | 'networks' | 'log'>;
  #udp: UdpSocket | undefined;
  #tcp: Server | undefined;
  readonly #clients = new Set<Socket>();
  #forwarding = 0;

  constructor(room: Pick<Room, 'names' | 'config' | 'networks' | 'log'>) {
    this.#room = room;
  }

  /** Where it listens; undefined while it does not. */
  get port(): number | undefined {
    return this.#udp?.address().port;
  }

  /** Binds UDP and TCP on one port of 127.0.0.1 and returns it. */
  async listen(): Promise<number> {
    if (this.port !== undefined) return this.port;
    for (let tries = 0; tries < 10; tries++) {
      const udp = createSocket('udp4');
      const port = await bindUdp(udp);
      const tcp = await listenTcp(port);
      if (!tcp) {
        udp.close();
        continue; // somebody has that port for TCP
      }
      udp.on('message', (message, from) => void this.#onDatagram(udp, message, from));
      udp.on('error', (error) => this.#room.log.debug('dns socket error', { error }));
      tcp.on('connection', (client) => this.#onConnection(client));
      udp.unref();
      tcp.unref();
      this.#udp = udp;
      this.#tcp = tcp;
      return port;
    }
    throw new PouchError('internal', 'no port for the DNS server');
  }

  async close(): Promise<void> {
    this.#udp?.close();
    for (const client of this.#clients) client.destroy();
    this.#tcp?.close();
  }

  async #onDatagram(socket: UdpSocket, message: Buffer, from: { address: string; port: number }): Promise<void> {
    const response = await this.#answer(message, from.address, 'udp');
    if (response) socket.send(response, from.port, from.address, () => undefined); // datagrams may be lost
  }

  #onConnection(client: Socket): void {
    let received = Buffer.alloc(0);
    let pending = 0;
    let isEnded = false;
    const from = client.remoteAddress ?? '';
    this.#clients.add(client);
    client.setTimeout(tcpIdleMs, () => client.destroy());
    client.on('error', () => client.destroy()).on('close', () => this.#clients.delete(client));
    client.on('end', () => {
      isEnded = true; // a client may close its half after the question
      if (pending === 0) client.end();
    });
    client.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        const size = received.readUInt16BE(0);
        const message = received.subarray(2, 2 + size);
        received = received.subarray(2 + size);
        pending += 1;
        void this.#answer(message, from, 'tcp').then((response) => {
          pending -= 1;
          if (!response) client.destroy();
          else if (client.writable) client.write(framed(response));
          if (isEnded && pending === 0) client.end();
        });
      }
      if (received.length > maxQueryBytes) client.destroy();
    });
  }

  /** The response to a message, or undefined for what deserves none: no query, or not from a container of ours. */
  async #answer(message: Buffer, from: string, protocol: 'udp' | 'tcp'): Promise<Buffer | undefined> {
    const question = readQuery(message);
    const asker = this.#room.names.byAddress(from)?.sandbox;
    if (!question || !asker) return undefined;
    const own = resolveQuestion(this.#room.names, asker, question);
    if (own) {
      const maxBytes = protocol === 'udp' ? question.maxBytes : undefined;
      return buildResponse(message, question, { code: responseCode.noError, answers: own, maxBytes });
    }
    return (
      (await this.#forward(message, question, { asker, protocol })) ??
      buildResponse(message, question, { code: responseCode.serverFailure })
    );
  }

  async #forward(
    message: Buffer,
    _question: Question,
    { asker, protocol }: { asker: SandboxRecord; protocol: 'udp' | 'tcp' },
  ): Promise<Buffer | undefined> {
    const leadsOut = asker.endpoints.some((one) => !networkOfEndpoint(this.#room, one).internal);
    if (!leadsOut || this.#forwarding >= maxConcurrent) return undefined;
    const servers = asker.dnsServers.length > 0 ? asker.dnsServers : hostDnsOf(this.#room.config).servers;
    this.#forwarding += 1;
    try {
      return await forwardQuery(message, servers, protocol);
    } finally {
      this.#forwarding -= 1;
    }
  }
}

async function bindUdp(socket: UdpSocket): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ address: '127.0.0.1', port: 0, exclusive: true }, () => {
      socket.off('error', reject);
      resolve();
    });
  });
  return socket.address().port;
}

async function listenTcp(port: number): Promise<Server | undefined> {
  const server = createServer({ allowHalfOpen: true });
  return await new Promise((resolve) => {
    server.once('error', () => resolve(undefined));
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => resolve(server));
  });
}
