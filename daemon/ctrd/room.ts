import type { Logger } from '../lib/log.ts';
import { createContainerdClient } from './client.ts';
import type { ProxyPlugin, StreamProcessor } from './containerd-config.ts';
import type { Ctrd, Supervisor, TaskEvents } from './contract.ts';
import { createTaskEvents } from './events.ts';
import { ContainerdSupervisor } from './supervisor.ts';
import { waitForSocket } from './wait-socket.ts';

/** What the room is built from. */
export interface CtrdOptions {
  /** The daemon's root and state directories. */
  root: string;
  state: string;
  /** Socket of a containerd that runs already; empty starts our own. */
  socket: string;
  namespace: string;
  debug: boolean;
  log: Logger;
  binary?: string;
  /** Both only for our own containerd. */
  proxyPlugins?: Record<string, ProxyPlugin>;
  streamProcessors?: Record<string, StreamProcessor>;
  /** Our own containerd when it was started before the room was loaded; the room stops it. */
  started?: ContainerdSupervisor;
}

/** The containerd room: returns at once, containerd boots meanwhile and calls wait for it. `close` stops what was started. */
export function createCtrd(options: CtrdOptions): Ctrd & { close(): Promise<void> } {
  const { namespace, log } = options;
  if (options.socket) return connectRunning(options);
  const { proxyPlugins = {}, streamProcessors = {} } = options;
  const supervisor = options.started ?? new ContainerdSupervisor({ ...options, proxyPlugins, streamProcessors });
  const client = createContainerdClient({ socket: supervisor.socket, namespace, gate: () => supervisor.gate() });
  supervisor.onReconnect(() => client.disconnect()); // what is left of the old connection is dead
  if (!options.started) supervisor.start();
  const events = createTaskEvents(client, log);
  return {
    client,
    events,
    supervisor,
    async close() {
      await events.close();
      client.disconnect();
      await supervisor.stop();
    },
  };
}

function connectRunning({ socket, namespace, log }: CtrdOptions): Ctrd & { close(): Promise<void> } {
  const client = createContainerdClient({ socket, namespace });
  const events = createTaskEvents(client, log);
  return {
    client,
    events,
    supervisor: strangerAt(socket, events),
    async close() {
      await events.close();
      client.disconnect();
    },
  };
}

/** A containerd that is not ours: it counts as restarted when the event stream came back. */
function strangerAt(socket: string, events: TaskEvents): Supervisor {
  return {
    socket,
    pid: undefined,
    ready: () => waitForSocket(socket, { timeoutMs: 5000 }),
    onReconnect: (listener) => events.onResync(listener),
    stop: () => Promise.resolve(),
  };
}
