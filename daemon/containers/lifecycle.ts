import { mkdir } from 'node:fs/promises';
import type { TaskEvent } from '../ctrd/task-event.ts';
import { timestampToRfc3339 } from '../ctrd/timestamp.ts';
import { messageOf, notFound } from '../errors/error.ts';
import { installBarrier } from './barrier.ts';
import type { ContainerLifecycle, Containers, ListOptions } from './contract.ts';
import { create } from './create.ts';
import { afterExit, onTaskExit } from './exit.ts';
import { inspect } from './inspect.ts';
import { InspectBodies } from './inspect-body.ts';
import { kill } from './kill.ts';
import { ContainerList } from './list.ts';
import { networkConnect, networkDisconnect } from './network-connect.ts';
import { pause, unpause } from './pause.ts';
import { prune } from './prune.ts';
import { remove } from './remove.ts';
import { removeLink } from './remove-link.ts';
import { rename } from './rename.ts';
import { restart } from './restart.ts';
import { cancelRestart } from './restart-policy.ts';
import { restore, resync } from './restore.ts';
import type { ContainerDeps, Room } from './room.ts';
import { start } from './start.ts';
import { stop } from './stop.ts';
import { Table } from './table.ts';
import { update } from './update.ts';
import { wait } from './wait.ts';

/** What the HTTP door uses beside the contract: list and inspect as bytes that are sent as they are. */
export interface ContainersRoom extends Containers {
  readonly table: Table;
  listBody(options: ListOptions): Promise<Buffer>;
  inspectBody(ref: string, options: { size: boolean; apiVersion: string }): Promise<Buffer>;
  /** Ends healthchecks and restarts by policy; the containers themselves go on. */
  close(): void;
}

/** Builds the containers room. Nothing is loaded before `restore`. */
export async function createContainers(deps: ContainerDeps): Promise<ContainersRoom> {
  await mkdir(deps.root, { recursive: true, mode: 0o711 });
  await installBarrier(deps.state);
  const room: Room = { ...deps, table: new Table(deps), processes: undefined, closing: false };
  const list = new ContainerList(room);
  const inspects = new InspectBodies(room);
  const { table } = room;
  deps.images.setUsers((imageId) =>
    table
      .all()
      .flatMap(({ record }) => (record.imageId === imageId ? [{ containerId: record.id, running: record.state.Running }] : [])),
  );
  const unlisten = [
    deps.ctrd.events.listen((event) => onTaskEvent(room, event)),
    deps.ctrd.events.onResync(() => resync(room)),
    deps.events.listen((event) => {
      if (event.Type === 'image') forgetRows(table); // a name may mean another image now
    }),
  ];
  return {
    table,
    lifecycle: lifecycleOf(room, list),
    listBody: (options) => list.body(options),
    inspectBody: (ref, options) => inspects.body(ref, options),
    useProcesses(processes) {
      room.processes = processes;
    },
    restore: () => restore(room),
    close() {
      room.closing = true;
      for (const stopListening of unlisten) stopListening();
      for (const container of table.all()) {
        cancelRestart(container);
        container.run.health?.stop();
      }
    },
  };
}

function lifecycleOf(room: Room, list: ContainerList): ContainerLifecycle {
  const find = (ref: string) => room.table.resolve(ref);
  return {
    create: (request, options) => create(room, request, options),
    async start(ref) {
      const container = find(ref);
      try {
        await start(room, container);
      } catch (error) {
        if (container.record.state.Pid === 0 && container.record.state.Error !== '') await afterExit(room, container);
        throw error;
      }
    },
    stop: async (ref, options) => await stop(room, find(ref), options),
    restart: async (ref, options) => await restart(room, find(ref), options),
    async kill(ref, signal) {
      const container = room.table.find(ref);
      if (!container) throw notFound(`Cannot kill container: ${ref}: No such container: ${ref}`);
      await kill(room, container, { ref, signal });
    },
    pause: async (ref) => await pause(room, find(ref)),
    unpause: async (ref) => await unpause(room, find(ref)),
    rename: async (ref, name) => await rename(room, find(ref), name),
    update: async (ref, body) => await update(room, find(ref), body),
    wait: (ref, condition, signal) => wait(room, find(ref), condition, signal),
    async remove(ref, options = {}) {
      if (options.link) return removeLink(room, ref);
      await remove(room, find(ref), options);
    },
    prune: async (filters) => await prune(room, filters),
    listJson: async (options) => (await list.body(options)).toString(),
    list: async (options) => await list.list(options),
    inspect: async (ref, options) => await inspect(room, find(ref), options),
    networkConnect: async (network, ref, settings) => await networkConnect(room, find(ref), network, settings),
    networkDisconnect: async (network, ref, force) => await networkDisconnect(room, find(ref), network, force),
  };
}

function onTaskEvent(room: Room, event: TaskEvent): void {
  const container = room.table.find(event.containerId);
  if (!container) return;
  if (event.type === 'oom') container.run.sawOom = true;
  if (event.type !== 'exit' || event.id !== event.containerId) return;
  const exit = { exitCode: event.exitStatus, at: timestampToRfc3339(event.exitedAt), pid: event.pid };
  onTaskExit(room, container, exit).catch((error: unknown) => {
    room.log.error('an exit was not handled to its end', { id: event.containerId, error: messageOf(error) });
  });
}

function forgetRows(table: Table): void {
  for (const container of table.all()) table.changed(container);
}
