/*
 * Where the API listens. Every server is node:http with half-open sockets (a client that has sent all its stdin half-closes and still wants the output) and without
 * time limits on requests: uploads, events and attaches last as long as they last.
 */
import { chmodSync, chownSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from 'node:http';
import {
  createConnection,
  createServer as createNetServer,
  type ListenOptions,
  type Server as NetServer,
  type Socket,
} from 'node:net';
import { dirname } from 'node:path';
import { conflict, internal, invalidArgument, messageOf } from '../../errors/error.ts';
import { type PingPolicy, pingFirst } from './ping-line.ts';
import { onUpgrade } from './upgrade.ts';

/** Certificates for tcp; without `certFile` it is plain. */
export interface TlsFiles {
  readonly verify: boolean;
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** How to listen. */
export interface ListenDeps {
  /** Numeric group of unix sockets. */
  readonly group: number;
  readonly tls: TlsFiles;
  readonly ping: PingPolicy;
  dispatch(raw: IncomingMessage, response: ServerResponse): void;
}

/** An open place. */
export interface Listener {
  /** As it was asked for, with the port filled in when it was 0. */
  readonly url: string;
  /** Takes no more connections, lets requests end for `graceMs`, then cuts what is left. */
  close(graceMs: number): Promise<void>;
}

const options: ServerOptions = { keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 60_000, keepAlive: true };

/** Opens one place (`unix://`, `tcp://`, `fd://`). Throws invalidArgument or conflict in words for the operator. */
export async function listen(url: string, deps: ListenDeps): Promise<Listener[]> {
  if (url.startsWith('unix://')) return [await listenUnix(url.slice('unix://'.length), deps)];
  if (url.startsWith('fd://')) return await listenFds(deps);
  return [await listenTcp(url, deps)];
}

async function listenUnix(path: string, deps: ListenDeps): Promise<Listener> {
  mkdirSync(dirname(path), { recursive: true });
  await removeStale(path);
  const server = newServer(deps, undefined);
  const mask = process.umask(0o117); // 0660 from the first moment
  try {
    await opened(server, { path }, `unix://${path}`);
  } finally {
    process.umask(mask);
  }
  chownSync(path, 0, deps.group);
  chmodSync(path, 0o660);
  return listener(server, `unix://${path}`);
}

/** A socket file that nobody answers on is left over from a crash; one that answers belongs to somebody. */
async function removeStale(path: string): Promise<void> {
  const isAlive = await new Promise<boolean>((resolve) => {
    const probe = createConnection(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
  if (isAlive) throw conflict(`socket ${path} is in use by another process; stop that daemon or listen elsewhere with -H`);
  rmSync(path, { force: true });
}

async function listenTcp(url: string, deps: ListenDeps): Promise<Listener> {
  const { host, port } = tcpAddress(url);
  const isSecure = deps.tls.certFile !== '';
  if (!isSecure && !isLoopback(host)) {
    throw invalidArgument(
      `${url} is reachable from other machines and has no TLS: anyone could become root here; give --tlsverify with --tlscacert, --tlscert and --tlskey, or listen on 127.0.0.1`,
    );
  }
  const server = newServer(deps, isSecure ? await secureServer(deps) : undefined);
  await opened(server, { host, port }, url);
  const address = server.server.address();
  const bound = address && typeof address === 'object' ? address.port : port;
  return listener(server, `tcp://${host.includes(':') ? `[${host}]` : host}:${bound}`);
}

/** Host (empty means all) and port of a `tcp://` URL. */
export function tcpAddress(url: string): { host: string; port: number } {
  const match = /^tcp:\/\/(?:\[([^\]]+)\]|([^:/]*)):(\d+)\/?$/.exec(url);
  if (!match) throw invalidArgument(`${url} is not a place to listen; write tcp://HOST:PORT`);
  return { host: match[1] ?? match[2] ?? '', port: Number(match[3]) };
}

/** True for addresses that only this machine can reach. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

async function secureServer(deps: ListenDeps): Promise<Server> {
  const https = await import('node:https');
  const read = (file: string, what: string): Buffer => {
    try {
      return readFileSync(file);
    } catch (error) {
      throw invalidArgument(`cannot read ${what} ${file}: ${messageOf(error)}`, error);
    }
  };
  const { verify, caFile, certFile, keyFile } = deps.tls;
  return https.createServer({
    ...options,
    cert: read(certFile, '--tlscert'),
    key: read(keyFile, '--tlskey'),
    ca: caFile ? read(caFile, '--tlscacert') : undefined,
    requestCert: verify,
    rejectUnauthorized: verify,
    minVersion: 'TLSv1.2',
    ALPNProtocols: ['http/1.1'],
    allowHalfOpen: true,
  } as never); // the types leave net's options out; Node hands them through
}

/** systemd hands over sockets from descriptor 3 on; LISTEN_PID says for whom. */
async function listenFds(deps: ListenDeps): Promise<Listener[]> {
  const count = Number(process.env['LISTEN_FDS'] ?? 0);
  if (count < 1 || Number(process.env['LISTEN_PID']) !== process.pid) {
    throw invalidArgument(
      'fd:// needs sockets from systemd (LISTEN_FDS is not set for this process); start pouchd through its socket unit or name another -H',
    );
  }
  const listeners: Listener[] = [];
  for (let fd = 3; fd < 3 + count; fd += 1) {
    const server = newServer(deps, undefined);
    await opened(server, { fd }, `fd://${fd}`);
    listeners.push(listener(server, `fd://${fd}`));
  }
  return listeners;
}

/** A server and what hands requests on: for plain connections a net server that reads the pings first, for TLS the HTTPS server itself. */
interface Front {
  readonly server: NetServer;
  readonly http: Server;
  readonly sockets: Set<Socket>;
  /** Connections that have sent nothing but pings. */
  readonly pinging: Set<Socket>;
}

function newServer(deps: ListenDeps, secure: Server | undefined): Front {
  const http = secure ?? createServer(options);
  http.on('request', deps.dispatch);
  http.on('upgrade', (raw: IncomingMessage, socket: Socket, head: Buffer) => onUpgrade(raw, socket, head, deps.dispatch));
  http.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
    else socket.destroy();
  });
  const pinging = new Set<Socket>();
  const plain = (): NetServer =>
    createNetServer({ allowHalfOpen: true, noDelay: true, keepAlive: true }, (socket) => {
      pinging.add(socket);
      pingFirst(socket, deps.ping, () => {
        pinging.delete(socket);
        http.emit('connection', socket);
      });
    });
  const server = secure ?? plain();
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => {
      sockets.delete(socket);
      pinging.delete(socket);
    });
  });
  return { server, http, sockets, pinging };
}

function opened({ server }: Front, where: ListenOptions | { readonly fd: number }, url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => {
      const taken = error.code === 'EADDRINUSE';
      reject(
        taken
          ? conflict(`${url} is in use by another process; stop it or listen elsewhere with -H`, error)
          : internal(`cannot listen on ${url}: ${error.message}`, error),
      );
    };
    server.once('error', fail);
    server.listen(where, () => {
      server.off('error', fail);
      resolve();
    });
  });
}

function listener({ server, http, sockets, pinging }: Front, url: string): Listener {
  return {
    url,
    async close(graceMs) {
      const done = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of pinging) socket.destroy();
      http.closeIdleConnections();
      const timer = setTimeout(() => {
        for (const socket of sockets) socket.destroy(); // also those that were taken over
      }, graceMs);
      await done;
      clearTimeout(timer);
    },
  };
}
