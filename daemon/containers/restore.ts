/*
 * At daemon start, and after containerd was away: the saved containers are matched with containerd's tasks. What runs is taken over, what ended meanwhile is ended with its exit code, what a
 * start cut by a crash left is taken away. Restart policies and the sweep of what belongs to nobody follow in the background.
 */
import { timestampToRfc3339 } from '../ctrd/timestamp.ts';
import { messageOf } from '../errors/error.ts';
import { unmount } from '../lib/mount.ts';
import { nowText } from '../lib/time.ts';
import { type Process, Status } from '../types/gen/containerd/task-types.ts';
import type { ContainerRecord } from './contract.ts';
import { afterExit, exitLocked } from './exit.ts';
import { forEach } from './for-each.ts';
import { startHealth } from './health.ts';
import type { LiveContainer } from './live.ts';
import type { Room } from './room.ts';
import { sweepShims } from './shim-sweep.ts';
import { startLocked } from './start.ts';
import { shmPath } from './start-mounts.ts';
import { sweep } from './sweep.ts';
import { removeTask } from './task.ts';

/** How Docker tells an exit that nobody saw. */
const lostExitCode = 255;

/** See above. When this resolves, all containers are in the table and tell the truth; the sweep and restarts by policy may still be under way. */
export async function restore(room: Room): Promise<void> {
  const times = [performance.now()];
  const tasksListed = listTasks(room);
  const records = room.store.all<ContainerRecord>('containers').map((one) => one.value);
  for (const record of records) {
    const container = room.table.add(record);
    container.run.inContainerd = true; // or not: start and remove find out
    for (const mount of record.mounts) {
      if (mount.Type === 'volume' && mount.Name) room.volumes.reference(mount.Name, record.id);
    }
  }
  const tasks = await tasksListed;
  times.push(performance.now());
  const running = new Set(room.table.all().filter((container) => isAlive(container, tasks.get(container.record.id))));
  await room.networks.restore(new Set([...running].map((one) => one.record.id)));
  times.push(performance.now());
  await forEach(room, [...running], (container) => takeOver(room, container, tasks.get(container.record.id)!));
  times.push(performance.now());
  const rest = room.table.all().filter((container) => !running.has(container));
  await forEach(room, rest, (container) => endMissed(room, container, tasks.get(container.record.id)));
  await sweepShims(room, new Set(tasks.keys())); // before anyone can start what such a shim holds
  times.push(performance.now());
  const [loadMs, networksMs, takeOverMs, endMs] = times.slice(1).map((time, at) => Math.round(time - (times[at] ?? 0)));
  room.log.debug('restored', { containers: records.length, running: running.size, loadMs, networksMs, takeOverMs, endMs });
  void settleRest(room, rest, [...tasks.keys()]).catch((error: unknown) =>
    room.log.error('not all leftovers and restarts were seen to', { error }),
  );
}

/** What a crash may leave a moment later: containerd goes on with the call of a daemon that is gone. */
const lateSweepMs = 10_000;

async function settleRest(room: Room, rest: readonly LiveContainer[], tasks: readonly string[]): Promise<void> {
  await Promise.all([sweep(room, tasks), applyPolicies(room, rest)]);
  setTimeout(() => {
    if (!room.closing) sweepShims(room).catch((error: unknown) => room.log.error('late sweep failed', { error }));
  }, lateSweepMs).unref();
}

/** After containerd or the connection to it was away: exits that no event told are handled now. */
export async function resync(room: Room): Promise<void> {
  const tasks = await listTasks(room);
  await forEach(room, room.table.all(), async (container) => {
    const task = tasks.get(container.record.id);
    if (isAlive(container, task) || (!task && container.record.state.Pid === 0)) return;
    const isOver = await room.table.locked(container, async () => {
      const { state } = container.record;
      if (state.Running && !state.Restarting && state.Pid > 0) {
        if (task && task.pid !== state.Pid) return false; // a start that came after the look
        await exitLocked(room, container, exitOf(task), undefined);
        return true;
      }
      if (state.Pid === 0) await removeTask(room, container.record.id); // of a start that failed while containerd was away
      return false;
    });
    if (isOver) await afterExit(room, container);
  });
  await sweepShims(room);
  await sweep(room, [...tasks.keys()]);
}

async function listTasks(room: Room): Promise<Map<string, Process>> {
  const { tasks } = await room.ctrd.client.tasks.list({});
  return new Map(tasks.map((task) => [task.id, task]));
}

function isAlive({ record }: LiveContainer, task: Process | undefined): boolean {
  const { state } = record;
  return Boolean(
    task &&
      state.Running &&
      !state.Restarting &&
      task.pid === state.Pid &&
      (task.status === Status.RUNNING || task.status === Status.PAUSED),
  );
}

function exitOf(task: Process | undefined): { exitCode: number; at: string } {
  if (task?.status !== Status.STOPPED) return { exitCode: lostExitCode, at: nowText() };
  return { exitCode: task.exitStatus, at: task.exitedAt ? timestampToRfc3339(task.exitedAt) : nowText() };
}

async function takeOver(room: Room, container: LiveContainer, task: Process): Promise<void> {
  const { record } = container;
  const isPaused = task.status === Status.PAUSED;
  Object.assign(record.state, { Paused: isPaused, Status: isPaused ? 'paused' : 'running' });
  for (const mount of record.mounts) {
    if (mount.Type === 'volume' && mount.Name) await room.volumes.mount(mount.Name, record.id);
  }
  if (record.hostConfig.IpcMode === 'shareable') container.run.hostMounts = [shmPath(room, record.id)];
  await room.table.reopenIo(container);
  startHealth(room, container);
}

/** A container that does not run any more: its exit is collected, or what a half-done start left is taken away. */
async function endMissed(room: Room, container: LiveContainer, task: Process | undefined): Promise<void> {
  const { record } = container;
  if (record.state.Running && !record.state.Restarting) {
    if (task && task.status !== Status.STOPPED) await removeTask(room, record.id);
    else if (task) await readRest(room, container);
    await room.table.locked(container, () => exitLocked(room, container, exitOf(task), 'lost'));
    return;
  }
  if (task) await removeTask(room, record.id);
  if (record.hostConfig.IpcMode === 'shareable') await unmount(shmPath(room, record.id));
}

/** What an ended process wrote while no daemon read it may still be in its fifos. */
async function readRest(room: Room, container: LiveContainer): Promise<void> {
  try {
    await room.table.reopenIo(container);
  } catch (error) {
    room.log.debug('no streams left of an ended container', { id: container.record.id, error: messageOf(error) });
  }
}

/** What was to be running when the daemon went down, and AutoRemove containers that ended. */
async function applyPolicies(room: Room, containers: readonly LiveContainer[]): Promise<void> {
  await forEach(room, containers, async (container) => {
    const { record } = container;
    if (record.hostConfig.AutoRemove) {
      if (record.hasBeenStartedBefore) await afterExit(room, container);
      return;
    }
    if (record.state.Running && !record.state.Restarting) return;
    if (!wantsStart(container)) {
      if (record.state.Restarting) endWait(room, container);
      return;
    }
    await room.table.locked(container, async () => {
      if (
        room.closing ||
        container.run.removing ||
        (record.state.Running && !record.state.Restarting) ||
        container.run.restartTimer
      )
        return;
      await startLocked(room, container);
    });
  });
}

function wantsStart({ record }: LiveContainer): boolean {
  if (!record.hasBeenStartedBefore) return false;
  const { Name, MaximumRetryCount = 0 } = record.hostConfig.RestartPolicy ?? {};
  switch (Name) {
    case 'always':
      return true;
    case 'unless-stopped':
      return !record.hasBeenManuallyStopped;
    case 'on-failure':
      return (
        !record.hasBeenManuallyStopped &&
        record.state.ExitCode !== 0 &&
        (MaximumRetryCount === 0 || record.restartCount < MaximumRetryCount)
      );
    default:
      return false;
  }
}

function endWait(room: Room, container: LiveContainer): void {
  Object.assign(container.record.state, { Status: 'exited', Running: false, Restarting: false });
  room.table.save(container);
}
