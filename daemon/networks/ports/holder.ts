/*
 * A published port is held by a socket of the daemon, so that no other program can take it and we notice when one has it. What reaches that socket is carried
 * to the container: nft leads IPv4 connections past it, so this serves IPv6 clients, and everything where the rules cannot work.
 */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { PortRecord } from '../record.ts';

/** A held port. `target` may change while it is held. */
export interface PortHolder {
  target: string;
  close(): void;
}

/** As long as docker-proxy remembers who sent to a UDP port. */
const udpIdleMs = 90_000;

/** Binds the port; rejects with the system's error (EADDRINUSE …). sctp cannot be held by Node and is taken as free. */
export async function holdPort(port: PortRecord, target: string): Promise<PortHolder> {
  if (port.proto === 'tcp') return await holdTcp(port, target);
  if (port.proto === 'udp') return await holdUdp(port, target);
  return { target, close() {} };
}

async function holdTcp(port: PortRecord, target: string): Promise<PortHolder> {
  const clients = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  const holder: PortHolder = {
    target,
    close() {
      server.close();
      for (const client of clients) client.destroy();
    },
  };
  server.on('connection', (client) => {
    const backend = connect({ host: holder.target, port: port.containerPort, allowHalfOpen: true });
    clients.add(client);
    const end = (): void => {
      clients.delete(client);
      client.destroy();
      backend.destroy();
    };
    client.on('error', end).on('close', () => clients.delete(client));
    backend.on('error', end).on('close', () => {
      if (!client.writableEnded) client.destroy();
    });
    client.pipe(backend).pipe(client); // pipe keeps half-open connections half open
    client.resume();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: port.hostIp, port: port.hostPort, ipv6Only: true, exclusive: true }, () => {
      server.off('error', reject);
      server.on('error', () => undefined); // a failed accept: the client sees it
      resolve();
    });
  });
  server.unref();
  return holder;
}

async function holdUdp(port: PortRecord, target: string): Promise<PortHolder> {
  const socket = createSocket(port.hostIp.includes(':') ? { type: 'udp6', ipv6Only: true } : { type: 'udp4' });
  const peers = new Map<string, { backend: UdpSocket; timer: NodeJS.Timeout }>();
  const forget = (key: string): void => {
    const peer = peers.get(key);
    peers.delete(key);
    clearTimeout(peer?.timer);
    peer?.backend.close();
  };
  const holder: PortHolder = {
    target,
    close() {
      for (const key of [...peers.keys()]) forget(key);
      socket.close();
    },
  };
  socket.on('message', (message, from) => {
    const key = `${from.address} ${from.port}`;
    let peer = peers.get(key);
    if (!peer) {
      const backend = createSocket(holder.target.includes(':') ? 'udp6' : 'udp4');
      backend.on('message', (answer) => {
        peers.get(key)?.timer.refresh();
        socket.send(answer, from.port, from.address, () => undefined);
      });
      backend.on('error', () => forget(key));
      backend.unref();
      peer = { backend, timer: setTimeout(() => forget(key), udpIdleMs).unref() };
      peers.set(key, peer);
    }
    peer.timer.refresh();
    peer.backend.send(message, port.containerPort, holder.target, () => undefined); // datagrams may be lost
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ address: port.hostIp, port: port.hostPort, exclusive: true }, () => {
      socket.off('error', reject);
      socket.on('error', () => undefined); // an ICMP error of some peer
      resolve();
    });
  });
  socket.unref();
  return holder;
}
