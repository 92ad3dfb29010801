/*
 * Removal: ends the container when forced, then takes away everything of it in an order that a crash cannot spoil: the record goes last but one (its folder is swept at start), so what is still
 * listed can still be removed.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { conflict, isKind, messageOf, notFound } from '../errors/error.ts';
import { unmount } from '../lib/mount.ts';
import { endRestarting, sendSignal, thaw } from './kill.ts';
import type { LiveContainer } from './live.ts';
import type { Room } from './room.ts';
import { shmPath } from './start-mounts.ts';
import { settle } from './table.ts';
import { removeTask } from './task.ts';
import { viewOf } from './view.ts';

/** What remove is told. */
export interface RemoveOptions {
  force?: boolean;
  /** Anonymous volumes go too. */
  volumes?: boolean;
}

/** See ContainerLifecycle.remove. */
export async function remove(room: Room, container: LiveContainer, options: RemoveOptions = {}): Promise<void> {
  const { record, run } = container;
  if (run.removing) {
    if (!options.force) throw conflict(`removal of container ${record.id} is already in progress`);
    await room.table.onRemoval(container);
    return;
  }
  if (record.state.Running && !options.force) throw refusal(container);
  run.removing = true;
  try {
    // Under the lock: what an exit before it still has to tell comes first.
    if (room.hooks.has('container.preDelete')) {
      await room.table.locked(container, () => room.hooks.run('container.preDelete', viewOf(container)));
    }
    if (record.state.Running) await end(room, container);
    await room.table.locked(container, () => removeLocked(room, container, options));
  } catch (error) {
    run.removing = false;
    throw error;
  }
  const last = { exitCode: record.state.ExitCode, at: record.state.FinishedAt };
  settle(run.exitWaiters, last);
  settle(run.removalWaiters, last);
  if (room.hooks.has('container.postDelete')) await room.hooks.run('container.postDelete', viewOf(container));
}

function refusal({ record }: LiveContainer): Error {
  const { Paused, Restarting } = record.state;
  if (Paused)
    return conflict(
      `You cannot remove a paused container ${record.id}. Unpause and then stop the container before attempting removal or force remove`,
    );
  const what = Restarting ? 'restarting' : 'running';
  return conflict(
    `You cannot remove a ${what} container ${record.id}. Stop the container before attempting removal or force remove`,
  );
}

const endWaitMs = 15_000;

async function end(room: Room, container: LiveContainer): Promise<void> {
  const { record } = container;
  if (await endRestarting(room, container)) return;
  record.hasBeenManuallyStopped = true;
  container.run.stopCause ??= 'killed';
  const exit = room.table.onExit(container, AbortSignal.timeout(endWaitMs));
  exit.catch(() => undefined);
  try {
    await sendSignal(room, container, 9);
    room.table.event(container, 'kill', { signal: '9' });
    await thaw(room, container);
  } catch (error) {
    if (!isKind(error, 'conflict') && !isKind(error, 'notFound')) throw error;
  }
  if (record.state.Running) await exit;
}

async function removeLocked(room: Room, container: LiveContainer, options: RemoveOptions): Promise<void> {
  const { record, run, dir } = container;
  if (!room.table.find(record.id)) throw notFound(`No such container: ${record.id}`);
  await container.io?.close();
  container.io = undefined;
  await Promise.all([
    run.inContainerd ? removeFromContainerd(room, record.id) : undefined,
    room.images.removeRootfs(record.id, record.snapshotter),
    room.networks.close(record.id),
    container.log?.remove(),
  ]);
  container.log = undefined;
  await releaseVolumes(room, container, options.volumes === true);
  room.table.drop(container);
  if (record.hostConfig.IpcMode === 'shareable') await unmount(shmPath(room, record.id));
  await Promise.all([
    rm(dir, { recursive: true, force: true }),
    rm(join(room.state, record.id), { recursive: true, force: true }),
  ]);
  room.table.event(container, 'destroy');
  room.log.info('container removed', { id: record.id, name: record.name });
}

/** Takes task and container object out of containerd; what is gone already is no error. */
export async function removeFromContainerd(room: Pick<Room, 'ctrd' | 'log'>, id: string): Promise<void> {
  const drop = async () => {
    try {
      await room.ctrd.client.containers.delete({ id });
    } catch (error) {
      if (!isKind(error, 'notFound')) throw error;
    }
  };
  try {
    await drop();
  } catch (error) {
    if (!/running task|has task|cannot delete/i.test(messageOf(error)) && !isKind(error, 'conflict')) throw error;
    await removeTask(room, id);
    await drop();
  }
}

async function releaseVolumes(room: Room, { record }: LiveContainer, removeAnonymous: boolean): Promise<void> {
  const names = [...new Set(record.mounts.flatMap((mount) => (mount.Type === 'volume' && mount.Name ? [mount.Name] : [])))];
  for (const name of names) {
    await room.volumes.unmount(name, record.id);
    room.volumes.release(name, record.id);
    if (!removeAnonymous || !isAnonymous(record, name)) continue;
    try {
      await room.volumes.remove(name);
    } catch (error) {
      // In use by another container (--volumes-from), or gone: it stays, or is not there.
      if (!isKind(error, 'conflict') && !isKind(error, 'notFound'))
        room.log.warn('anonymous volume stayed', { name, error: messageOf(error) });
    }
  }
}

/** Anonymous: the name was generated, nobody asked for it. */
function isAnonymous(record: LiveContainer['record'], name: string): boolean {
  if (!/^[0-9a-f]{64}$/.test(name)) return false;
  const named = (record.hostConfig.Binds ?? []).some((bind) => bind.startsWith(`${name}:`));
  return !named && !(record.hostConfig.Mounts ?? []).some((mount) => mount.Source === name);
}
