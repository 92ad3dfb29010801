import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { createWebSocketStream, type WebSocket, WebSocketServer } from 'ws';
import { invalidArgument } from '../../errors/error.ts';
import type { ApiReply, ApiRequest } from '../http/route.ts';
import { upgradeSocket } from '../http/upgrade.ts';
import { attachQuery } from './attach-query.ts';
import type { ProcessesBackend } from './backend.ts';
import { idOf } from './exec-routes.ts';

/** Attach over a WebSocket: bare bytes both ways in binary messages, never framed, as in Docker. Loaded with `ws` when the first client asks. */
export async function attachWebSocket(backend: ProcessesBackend, request: ApiRequest, reply: ApiReply): Promise<unknown> {
  const socket = upgradeSocket(request.raw);
  if (!socket || request.headers.upgrade?.toLowerCase() !== 'websocket')
    throw invalidArgument('attach/ws needs a WebSocket handshake');
  await backend.attach(idOf(request), {
    ...attachQuery(request),
    framed: false,
    open: async () => {
      reply.hijack();
      reply.raw.detachSocket(socket as never); // an http server's sockets are net.Sockets
      return await handshake(request.raw, socket);
    },
  });
  return reply;
}

async function handshake(raw: IncomingMessage, socket: Duplex): Promise<Duplex> {
  const server = new WebSocketServer({ noServer: true, clientTracking: false, perMessageDeflate: false });
  const { promise, resolve, reject } = Promise.withResolvers<WebSocket>();
  socket.once('close', () => reject(invalidArgument('the WebSocket handshake failed')));
  server.handleUpgrade(raw, socket, Buffer.alloc(0), resolve);
  const client = await promise;
  const stream = createWebSocketStream(client, { allowHalfOpen: true });
  stream.on('error', () => undefined); // 'close' follows
  void once(client, 'close').then(
    () => stream.destroy(),
    () => stream.destroy(),
  );
  return stream;
}
