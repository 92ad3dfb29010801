/*
 * The syslog driver. UDP and unix datagrams are sent as they come; over a stream (TCP, TLS, unix) messages wait in a bounded queue while the server is away or slow: beyond 1 MiB the container's output
 * is held (`pressure`), and with mode=non-blocking the oldest are dropped instead.
 */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { readFileSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { hostname } from 'node:os';
import { invalidArgument, messageOf, notImplemented, unavailable } from '../../errors/error.ts';
import type { Logger } from '../../lib/log.ts';
import type { ContainerLog, LogEntry, LogRequest } from '../contract.ts';
import { pickAttributes, renderTag } from './attributes.ts';
import { notReadable } from './no-log.ts';
import { parseSize } from './size.ts';
import { type SyslogAddress, syslogAddress, syslogFacility, syslogFormatter } from './syslog-format.ts';
import { DatagramSender } from './unix-datagram.ts';

/** A way to get lines to a syslog server. */
interface Transport {
  send(line: string): void;
  pressure(): Promise<void> | undefined;
  flush(): Promise<void>;
  close(): void;
}

/** Opens the driver; a stream server must answer now, as in Docker. */
export async function openSyslog(request: LogRequest, log: Logger): Promise<ContainerLog> {
  const { config } = request;
  const format = syslogFormatter(config['syslog-format']);
  const facility = syslogFacility(config['syslog-facility']);
  const header = { hostname: hostname(), tag: renderTag(request, '{{.ID}}'), pid: process.pid };
  pickAttributes(request); // only checked: syslog has no place for them, as in Docker
  const transport = await openTransport(syslogAddress(config['syslog-address']), config, log);
  return {
    path: '',
    write({ stream, line, timeNano }: LogEntry) {
      const severity = stream === 'stderr' ? 3 : 6;
      const text = line.at(-1) === 10 ? line.toString('utf8', 0, line.length - 1) : line.toString();
      const time = new Date(Number(timeNano / 1_000_000n));
      transport.send(format(header, { priority: facility * 8 + severity, time, nano: timeNano, text }));
    },
    read() {
      throw notImplemented(notReadable);
    },
    flush: () => transport.flush(),
    async close() {
      await transport.flush();
      transport.close();
    },
    async remove() {
      transport.close();
    },
    pressure: () => transport.pressure(),
  };
}

async function openTransport(address: SyslogAddress, config: Record<string, string>, log: Logger): Promise<Transport> {
  switch (address.type) {
    case 'udp':
      return udpTransport(address.host, address.port);
    case 'unix': {
      const stats = statSync(address.path, { throwIfNoEntry: false });
      if (!stats?.isSocket())
        throw invalidArgument(
          address.datagram ? 'Unix syslog delivery error' : `stat ${address.path}: no such file or directory`,
        );
      return address.datagram || (await isDatagram(address.path))
        ? datagramTransport(address.path)
        : await StreamTransport.open(() => connect(address.path), config, log);
    }
    case 'tcp':
      return await StreamTransport.open(() => connect(address.port, address.host), config, log);
    case 'tls': {
      const { connect: connectTls } = await import('node:tls');
      const file = (name: string) => (config[name] ? readFileSync(config[name]) : undefined);
      const options = {
        host: address.host,
        port: address.port,
        servername: address.host,
        ca: file('syslog-tls-ca-cert'),
        cert: file('syslog-tls-cert'),
        key: file('syslog-tls-key'),
        rejectUnauthorized: config['syslog-tls-skip-verify'] === undefined,
      };
      return await StreamTransport.open(() => connectTls(options), config, log, 'secureConnect');
    }
    default:
      address satisfies never;
      throw invalidArgument('unsupported syslog address');
  }
}

function datagramTransport(path: string): Transport {
  const sender = DatagramSender.acquire(path);
  let isClosed = false;
  return {
    send: (line) => sender.send(Buffer.from(line)),
    pressure: () => sender.pressure(),
    flush: () => sender.flush(),
    close() {
      if (!isClosed) sender.release();
      isClosed = true;
    },
  };
}

function udpTransport(host: string, port: number): Transport {
  let socket: UdpSocket | undefined;
  let pending = 0;
  let flushed: (() => void)[] = [];
  return {
    send(line) {
      if (!socket) {
        socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
        socket.on('error', () => undefined); // datagrams may get lost
        socket.unref();
      }
      pending += 1;
      socket.send(`${line}\n`, port, host, () => {
        pending -= 1;
        if (pending > 0) return;
        for (const resolve of flushed) resolve();
        flushed = [];
      });
    },
    pressure: () => undefined,
    flush: () => (pending === 0 ? Promise.resolve() : new Promise((resolve) => flushed.push(resolve))),
    close() {
      socket?.close();
      socket = undefined;
    },
  };
}

/** Tries a stream connection: a datagram socket refuses it with EPROTOTYPE. */
function isDatagram(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(false);
    });
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EPROTOTYPE'));
  });
}

const queueBytes = 1 << 20;
const reconnectMs = 500;
const flushWaitMs = 2000;

class StreamTransport implements Transport {
  readonly #dial: () => Socket;
  readonly #ready: string;
  readonly #log: Logger;
  readonly #isBlocking: boolean;
  readonly #limit: number;
  /** Not written yet, oldest first. */
  #queue: string[] = [];
  #size = 0;
  #socket: Socket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  #waiters: (() => void)[] = [];

  static async open(
    dial: () => Socket,
    config: Record<string, string>,
    log: Logger,
    ready = 'connect',
  ): Promise<StreamTransport> {
    const transport = new StreamTransport(dial, config, { log, ready });
    await transport.#connect();
    return transport;
  }

  private constructor(dial: () => Socket, config: Record<string, string>, { log, ready }: { log: Logger; ready: string }) {
    this.#dial = dial;
    this.#ready = ready;
    this.#log = log;
    this.#isBlocking = config['mode'] !== 'non-blocking';
    this.#limit = parseSize(config['max-buffer-size'] ?? '', { binary: true }) ?? queueBytes;
  }

  send(line: string): void {
    if (this.#isClosed) return;
    this.#queue.push(`${line}\n`);
    this.#size += line.length + 1;
    while (!this.#isBlocking && this.#size > this.#limit && this.#queue.length > 1)
      this.#size -= this.#queue.shift()?.length ?? 0;
    this.#drain();
  }

  pressure(): Promise<void> | undefined {
    return this.#isBlocking && this.#size > this.#limit ? this.#empty() : undefined;
  }

  /** Waits until the server has taken all, or for two seconds: an ended container does not hang on a server that is away. */
  async flush(): Promise<void> {
    if (this.#size === 0) return;
    await Promise.race([this.#empty(), new Promise<void>((resolve) => setTimeout(resolve, flushWaitMs).unref())]);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#socket?.end();
    this.#socket = undefined;
    this.#wake();
  }

  #empty(): Promise<void> {
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  #wake(): void {
    for (const resolve of this.#waiters.splice(0)) resolve();
  }

  #drain(): void {
    const socket = this.#socket;
    if (!socket) return;
    while (this.#queue.length > 0 && !socket.writableNeedDrain) {
      const line = this.#queue.shift() as string; // not empty
      this.#size -= line.length;
      socket.write(line);
    }
    if (this.#queue.length === 0) {
      this.#size = 0;
      this.#wake();
    }
  }

  #connect(): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = this.#dial();
      socket.unref();
      socket.on('error', (error) => reject(unavailable(`cannot connect to the syslog server: ${messageOf(error)}`, error)));
      socket.once(this.#ready, () => {
        this.#socket = socket;
        socket.on('drain', () => this.#drain());
        this.#drain();
        resolve();
      });
      socket.once('close', () => {
        if (this.#socket !== socket) return;
        this.#socket = undefined;
        this.#log.warn('syslog server has gone', {});
        this.#retry();
      });
    });
  }

  #retry(): void {
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => this.#connect().catch(() => this.#retry()), reconnectMs);
    this.#timer.unref();
  }
}
