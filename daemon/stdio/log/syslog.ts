/* The syslog driver: how it is opened and how a line becomes a message. UDP and unix datagrams are sent as they come; streams (TCP, TLS, unix) have a queue, see syslog-stream.ts. */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { readFileSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { hostname } from 'node:os';
import { invalidArgument, notImplemented } from '../../errors/error.ts';
import type { Logger } from '../../lib/log.ts';
import type { ContainerLog, LogEntry, LogRequest } from '../contract.ts';
import { pickAttributes, renderTag } from './attributes.ts';
import { notReadable } from './no-log.ts';
import { type SyslogAddress, syslogAddress, syslogFacility, syslogFormatter } from './syslog-format.ts';
import { StreamTransport, type SyslogTransport } from './syslog-stream.ts';
import { DatagramSender } from './unix-datagram.ts';

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

async function openTransport(address: SyslogAddress, config: Record<string, string>, log: Logger): Promise<SyslogTransport> {
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

function datagramTransport(path: string): SyslogTransport {
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

function udpTransport(host: string, port: number): SyslogTransport {
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
