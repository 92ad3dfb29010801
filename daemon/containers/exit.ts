/*
 * What happens when a container's process has ended: output drained, state saved, everything of the run given back, waiters told, and then either a restart by policy, or the removal
 * of an AutoRemove container. The record is saved before containerd forgets the task, so an exit code is never lost to a crash in between.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { StopInfo } from '../../hookplugins/shapes.ts';
import { isKind, messageOf } from '../errors/error.ts';
import { unmount } from '../lib/mount.ts';
import type { Exit, LiveContainer } from './live.ts';
import { askedEndpoint } from './network-plan.ts';
import { remove } from './remove.ts';
import { scheduleRestart, shouldRestart } from './restart-policy.ts';
import type { Room } from './room.ts';
import { setExited } from './state.ts';
import { settle } from './table.ts';
import { viewOf } from './view.ts';

/** The exit of the process `pid` of a container; one that is not its current process is ignored. */
export async function onTaskExit(room: Room, container: LiveContainer, exit: Exit & { pid: number }): Promise<void> {
  const isOver = await room.table.locked(container, async () => {
    const { state } = container.record;
    if (!state.Running || state.Restarting || state.Pid !== exit.pid) return false;
    await exitLocked(room, container, exit, undefined);
    return true;
  });
  if (isOver) await afterExit(room, container);
}

/** Handles an exit, for those who hold the lock. `reason` overrides how the end is told to plugins. */
export async function exitLocked(
  room: Room,
  container: LiveContainer,
  exit: Exit,
  reason: StopInfo['reason'] | undefined,
): Promise<void> {
  const { record, run } = container;
  run.health?.stop();
  run.health = undefined;
  const [oomKilled] = await Promise.all([wasOomKilled(room, container), drain(room, container)]);
  const ranMs = run.startedAtMs === 0 ? Number.POSITIVE_INFINITY : performance.now() - run.startedAtMs;
  const restarting = !room.closing && shouldRestart(container, exit.exitCode);
  setExited(record.state, { ...exit, oomKilled, restarting });
  record.ports = {};
  record.sandboxId = '';
  record.sandboxKey = '';
  for (const [name, settings] of Object.entries(record.networks)) record.networks[name] = askedEndpoint(settings);
  const isSaved = saveExit(room, container);
  const deleteStarted = performance.now();
  const taskGone = isSaved ? deleteTask(room, record.id) : undefined;
  if (oomKilled) room.table.event(container, 'oom');
  room.table.event(container, 'die', {
    exitCode: String(exit.exitCode),
    execDuration: String(Math.max(0, Math.round(Number.isFinite(ranMs) ? ranMs / 1000 : 0))),
  });
  await giveBack(room, container); // its events come after Docker's die
  room.log.info('container exited', { id: record.id, name: record.name, exitCode: exit.exitCode, oomKilled });
  const told: StopInfo = { exitCode: exit.exitCode, reason: reason ?? (oomKilled ? 'oom' : (run.stopCause ?? 'exited')) };
  run.stopCause = undefined;
  settle(run.exitWaiters, exit);
  await taskGone;
  room.log.debug('task removed', { id: record.id, ms: Math.round(performance.now() - deleteStarted) });
  if (room.hooks.has('container.postStop')) await room.hooks.run('container.postStop', viewOf(container), told);
  if (restarting) scheduleRestart(room, container, ranMs);
}

/** A full disk does not keep the waiters waiting: containerd then keeps the exit code for the daemon's next start. */
function saveExit(room: Room, container: LiveContainer): boolean {
  try {
    room.table.save(container);
    return true;
  } catch (error) {
    room.log.error('an exit could not be saved', { id: container.record.id, error });
    room.table.changed(container);
    return false;
  }
}

/** AutoRemove, outside the lock. */
export async function afterExit(room: Room, container: LiveContainer): Promise<void> {
  const { record, run } = container;
  if (!record.hostConfig.AutoRemove || record.state.Running || run.removing || run.isRestarting) return;
  try {
    await remove(room, container, { force: true, volumes: true });
  } catch (error) {
    if (!isKind(error, 'notFound')) room.log.error('automatic removal failed', { id: record.id, error });
  }
}

const drainMs = 3_000;

async function drain(room: Room, container: LiveContainer): Promise<void> {
  const { io } = container;
  container.io = undefined;
  if (!io) return;
  try {
    await io.drained(drainMs);
    await io.close();
  } catch (error) {
    room.log.warn('output of a container was not read to its end', { id: container.record.id, error: messageOf(error) });
  }
}

/** Network, volumes and host mounts of the run; each is tried, failures are told. */
async function giveBack(room: Room, container: LiveContainer): Promise<void> {
  const { record, run } = container;
  const volumes = record.mounts.flatMap((mount) => (mount.Type === 'volume' && mount.Name ? [mount.Name] : []));
  const results = await Promise.allSettled([
    room.networks.close(record.id),
    ...[...new Set(volumes)].map((name) => room.volumes.unmount(name, record.id)),
    ...run.hostMounts.map((path) => unmount(path)),
  ]);
  run.hostMounts = [];
  run.volumeMounts = [];
  for (const result of results) {
    if (result.status === 'rejected')
      room.log.error('something of an ended container stayed', { id: record.id, error: result.reason });
  }
}

async function deleteTask(room: Room, id: string): Promise<void> {
  try {
    await room.ctrd.client.tasks.delete({ containerId: id });
  } catch (error) {
    if (!isKind(error, 'notFound')) room.log.warn('containerd kept an ended task', { id, error: messageOf(error) });
  }
}

/**
 * Whether the kernel killed something in the container for memory: containerd's event, or the counter of its cgroup, which is still there before the task is deleted (the event does not come
 * on cgroup v1 with newer kernels).
 */
async function wasOomKilled(room: Room, container: LiveContainer): Promise<boolean> {
  if (container.run.sawOom) return true;
  if (!container.record.hostConfig.Memory) return false;
  const path = join(container.record.hostConfig.CgroupParent || room.config.cgroupParent || '/pouchd', container.record.id);
  const file =
    room.host.cgroupVersion === 2
      ? join('/sys/fs/cgroup', path, 'memory.events')
      : join('/sys/fs/cgroup/memory', path, 'memory.oom_control');
  const text = await readFile(file, 'utf8').catch(() => ''); // gone with a task that is gone
  return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0) > 0;
}
