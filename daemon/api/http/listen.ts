/*
 * Where the API listens. Every server is node:http with half-open sockets (a client that has sent all its stdin half-closes and still wants the output) and without
 * time limits on requests: uploads, events and attaches last as long as they last.
 */
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from 'node:http';
import { createServer as createNetServer, type Server as NetServer, type Socket } from 'node:net';
import { invalidArgument, messageOf } from '../../errors/error.ts';
import { listenTcp, listenUnix, opened, refuseOpenTcp } from '../../lib/listen-address.ts';
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

const options: ServerOptions = {
  keepAliveTimeout: 0,
  requestTimeout: 0,
  headersTimeout: 60_000,
  keepAlive: true,
  maxHeaderSize: 1 << 20, // as Go's: X-Registry-Config carries the credentials of all registries
};

/** Opens one place (`unix://`, `tcp://`, `fd://`). Throws invalidArgument or conflict in words for the operator. */
export async function listen(url: string, deps: ListenDeps): Promise<Listener[]> {
  if (url.startsWith('unix://')) return [await listenOnUnix(url.slice('unix://'.length), deps)];
  if (url.startsWith('fd://')) return await listenFds(deps);
  return [await listenOnTcp(url, deps)];
}

async function listenOnUnix(path: string, deps: ListenDeps): Promise<Listener> {
  const front = newServer(deps, undefined);
  await listenUnix(front.server, path, deps.group);
  return listener(front, `unix://${path}`);
}

async function listenOnTcp(url: string, deps: ListenDeps): Promise<Listener> {
  const isSecure = deps.tls.certFile !== '';
  refuseOpenTcp(url, isSecure);
  const front = newServer(deps, isSecure ? await secureServer(deps) : undefined);
  const port = await listenTcp(front.server, url, isSecure);
  return listener(front, url.replace(/:\d+\/?$/, `:${port}`));
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
    const front = newServer(deps, undefined);
    await opened(front.server, { fd }, `fd://${fd}`);
    listeners.push(listener(front, `fd://${fd}`));
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
