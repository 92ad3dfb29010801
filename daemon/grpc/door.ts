import { readFileSync } from 'node:fs';
import { createServer, type Server as NetServer, type Socket } from 'node:net';
import type { ConnectionInjector, Server } from '@grpc/grpc-js';
import { invalidArgument, messageOf } from '../errors/error.ts';
import { listenTcp, listenUnix } from '../lib/listen-address.ts';
import type { Logger } from '../lib/log.ts';
import type { GrpcOptions, GrpcService } from './contract.ts';

/** What the door is built from. */
export interface DoorOptions extends GrpcOptions {
  /** Asked when the door opens: all services of the graph. */
  services(): readonly GrpcService[];
  /** Numeric group of unix sockets. */
  group(): number;
  log: Logger;
}

/** The gRPC endpoint. Boot opens it after every plugin is initialised; only then are services registered and grpc-js loaded, and only if it listens anywhere. */
export class GrpcDoor {
  readonly #options: DoorOptions;
  readonly #addresses: string[] = [];
  readonly #listeners: NetServer[] = [];
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  constructor(options: DoorOptions) {
    this.#options = options;
  }

  /** Where it listens, ports filled in. */
  get addresses(): readonly string[] {
    return this.#addresses;
  }

  async open(): Promise<void> {
    const { hosts, log } = this.#options;
    if (hosts.length === 0) return;
    const grpc = await import('@grpc/grpc-js');
    const server = new grpc.Server({
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
      'grpc.enable_channelz': 0,
    });
    this.#server = server;
    for (const service of this.#options.services()) await service.register(server);
    for (const url of hosts) {
      const isUnix = url.startsWith('unix://');
      const isSecure = !isUnix && this.#options.tls.certFile !== '';
      const credentials = isSecure ? this.#secure(grpc.ServerCredentials.createSsl) : grpc.ServerCredentials.createInsecure();
      const listener = this.#listener(server.createConnectionInjector(credentials));
      if (isUnix) {
        await listenUnix(listener, url.slice('unix://'.length), this.#options.group());
        this.#addresses.push(url);
      } else {
        const port = await listenTcp(listener, url, isSecure);
        this.#addresses.push(url.replace(/:\d+\/?$/, `:${port}`));
      }
      log.info('grpc listens', { address: this.#addresses.at(-1) });
    }
  }

  /** Takes no more connections, gives calls under way `graceMs`, then cuts them. */
  async close(graceMs = 1000): Promise<void> {
    const closed = this.#listeners.map((one) => new Promise((resolve) => one.close(resolve)));
    const server = this.#server;
    if (!server) return;
    const timer = setTimeout(() => {
      server.forceShutdown();
      for (const socket of this.#sockets) socket.destroy();
    }, graceMs);
    await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(closed);
    clearTimeout(timer);
  }

  #listener(injector: ConnectionInjector): NetServer {
    const listener = createServer((socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      socket.on('error', () => {}); // a client that vanished: its calls are cancelled
      injector.injectConnection(socket);
    });
    this.#listeners.push(listener);
    return listener;
  }

  #secure<T>(
    create: (ca: Buffer | null, pairs: { private_key: Buffer; cert_chain: Buffer }[], checkClientCertificate: boolean) => T,
  ): T {
    const { caFile, certFile, keyFile } = this.#options.tls;
    if (caFile === '') throw invalidArgument('gRPC on tcp needs --grpc-tlscacert: its clients must show a certificate');
    return create(read(caFile), [{ private_key: read(keyFile), cert_chain: read(certFile) }], true);
  }
}

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw invalidArgument(`cannot read a certificate of gRPC: ${messageOf(error)}`, error);
  }
}
