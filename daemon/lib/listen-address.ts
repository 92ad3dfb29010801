/*
 * What every door needs to listen: a unix socket that is private from its first moment and replaces a stale one, and the rule that tcp beyond this machine
 * needs TLS. A `net.Server` or anything made from one (http, http2) is taken as it comes.
 */
import { chmodSync, chownSync, mkdirSync, rmSync } from 'node:fs';
import { createConnection, type ListenOptions, type Server } from 'node:net';
import { dirname } from 'node:path';
import { conflict, internal, invalidArgument } from '../errors/error.ts';

/** Opens a unix socket of mode 0660, owned by root and `group`. Throws conflict when another process answers there. */
export async function listenUnix(server: Server, path: string, group: number): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  await removeStale(path);
  const mask = process.umask(0o117); // 0660 from the first moment: libuv binds within the call
  try {
    await opened(server, { path }, `unix://${path}`);
  } finally {
    process.umask(mask);
  }
  chownSync(path, 0, group);
  chmodSync(path, 0o660);
}

/** Throws invalidArgument for a tcp address beyond this machine without TLS; other addresses pass. */
export function refuseOpenTcp(url: string, isSecure: boolean): void {
  if (!url.startsWith('tcp://') || isSecure || isLoopback(tcpAddress(url).host)) return;
  throw invalidArgument(
    `${url} is reachable from other machines and has no TLS: anyone could become root here; give a certificate and its key, or listen on 127.0.0.1`,
  );
}

/** Opens a tcp address and gives its port; throws invalidArgument for one beyond this machine without TLS. */
export async function listenTcp(server: Server, url: string, isSecure: boolean): Promise<number> {
  refuseOpenTcp(url, isSecure);
  const { host, port } = tcpAddress(url);
  await opened(server, { host, port }, url);
  const address = server.address();
  return address && typeof address === 'object' ? address.port : port;
}

/** Host (empty means all) and port of a `tcp://` URL. */
export function tcpAddress(url: string): { host: string; port: number } {
  const match = /^tcp:\/\/(?:\[([^\]]+)\]|([^:/]*)):(\d+)\/?$/.exec(url);
  if (!match) throw invalidArgument(`${url} is not a place to listen; write tcp://HOST:PORT`);
  return { host: match[1] ?? match[2] ?? '', port: Number(match[3]) };
}

/** True for addresses that only this machine can reach. */
function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
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
  if (isAlive) throw conflict(`socket ${path} is in use by another process; stop it or listen elsewhere`);
  rmSync(path, { force: true });
}

/** Starts listening; an address in use is a conflict that says so. */
export function opened(server: Server, where: ListenOptions | { readonly fd: number }, url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => {
      const isTaken = error.code === 'EADDRINUSE';
      const message = isTaken
        ? `${url} is in use by another process; stop it or listen elsewhere`
        : `cannot listen on ${url}: ${error.message}`;
      reject(isTaken ? conflict(message, error) : internal(message, error));
    };
    server.once('error', fail);
    server.listen(where, () => {
      server.off('error', fail);
      resolve();
    });
  });
}
