import { existsSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { unavailable } from '../errors/error.ts';

/** True when something accepts connections at a unix socket. */
export async function answers(path: string): Promise<boolean> {
  if (!existsSync(path)) return false;
  const socket = await open(path);
  socket?.destroy();
  return socket !== undefined;
}

/** Waits until something accepts connections at `path`; rejects with the signal's reason, or `unavailable` after `timeoutMs`. */
export async function waitForSocket(
  path: string,
  { timeoutMs, signal }: { timeoutMs: number; signal?: AbortSignal },
): Promise<void> {
  const limit = performance.now() + timeoutMs;
  while (!(await answers(path))) {
    signal?.throwIfAborted();
    if (performance.now() > limit) throw unavailable(`nothing answers at ${path} after ${timeoutMs} ms`);
    await delay(3, undefined, { signal });
  }
}

/**
 * Holds a connection open that says nothing and calls `onEnd` once when the other side closes it: tells at once when a process that is not our child ends.
 * Undefined when nothing listens. Destroying the returned socket ends the watch without the call.
 */
export async function watchSocket(path: string, onEnd: () => void): Promise<Socket | undefined> {
  const socket = await open(path);
  if (!socket) return undefined;
  socket.on('error', () => {}); // its close follows
  socket.once('close', onEnd);
  socket.resume();
  socket.unref();
  return socket;
}

function open(path: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(socket));
    socket.once('error', () => resolve(undefined));
  });
}
