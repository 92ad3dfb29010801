import { messageOf } from '../errors/error.ts';
import type { LiveContainer } from './live.ts';
import type { Room } from './room.ts';
import { startLocked } from './start.ts';

const firstDelayMs = 100;
const maxDelayMs = 60_000;
/** A run of this length makes the next delay the first again. */
const settledMs = 10_000;

/** Whether the policy starts a container again after this exit. */
export function shouldRestart(container: Pick<LiveContainer, 'record' | 'run'>, exitCode: number): boolean {
  const { hostConfig, hasBeenManuallyStopped, restartCount } = container.record;
  if (hasBeenManuallyStopped || container.run.removing) return false;
  const { Name, MaximumRetryCount = 0 } = hostConfig.RestartPolicy ?? {};
  switch (Name) {
    case 'always':
    case 'unless-stopped':
      return true;
    case 'on-failure':
      return exitCode !== 0 && (MaximumRetryCount === 0 || restartCount < MaximumRetryCount);
    default:
      return false;
  }
}

/** The wait before the next restart: 100 ms, doubled each time up to a minute, the first again after a run of ten seconds. */
export function nextDelayMs(lastMs: number, ranMs: number): number {
  if (lastMs === 0 || ranMs >= settledMs) return firstDelayMs;
  return Math.min(lastMs * 2, maxDelayMs);
}

/** Starts the container again after the policy's wait. `stop`, `kill` and `remove` cancel it. */
export function scheduleRestart(room: Room, container: LiveContainer, ranMs: number): void {
  const { run } = container;
  run.restartDelayMs = nextDelayMs(run.restartDelayMs, ranMs);
  cancelRestart(container);
  run.restartTimer = setTimeout(() => {
    run.restartTimer = undefined;
    void restartNow(room, container);
  }, run.restartDelayMs);
}

/** Takes a waiting restart back; true when there was one. */
export function cancelRestart(container: LiveContainer): boolean {
  const { run } = container;
  const waited = run.restartTimer !== undefined;
  clearTimeout(run.restartTimer);
  run.restartTimer = undefined;
  return waited;
}

async function restartNow(room: Room, container: LiveContainer): Promise<void> {
  try {
    await room.table.locked(container, async () => {
      const { record, run } = container;
      if (room.closing || run.removing || record.hasBeenManuallyStopped || !record.state.Restarting) return;
      record.restartCount += 1;
      await startLocked(room, container);
    });
  } catch (error) {
    room.log.warn('restart by policy failed', { id: container.record.id, error: messageOf(error) });
    await room.table.locked(container, async () => {
      const { record, run } = container;
      if (room.closing || run.removing || record.state.Running || !shouldRestart(container, record.state.ExitCode || 1)) return;
      Object.assign(record.state, { Status: 'restarting', Running: true, Restarting: true });
      room.table.save(container);
      scheduleRestart(room, container, 0);
    });
  }
}
