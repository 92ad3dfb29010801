import type { LiveContainer } from './live.ts';
import type { Room } from './room.ts';
import { startLocked } from './start.ts';
import { type StopOptions, stopRunning } from './stop.ts';

/** See ContainerLifecycle.restart. A container that does not run is just started. AutoRemove does not strike in between. */
export async function restart(room: Room, container: LiveContainer, options: StopOptions = {}): Promise<void> {
  const { record, run } = container;
  if (record.state.Running) {
    record.hasBeenManuallyStopped = true; // keeps the policy from starting it beside us
    run.isRestarting = true;
  }
  try {
    if (record.state.Running) {
      await stopRunning(room, container, options);
      room.table.event(container, 'stop');
    }
    await room.table.locked(container, async () => {
      record.hasBeenManuallyStopped = false;
      run.restartDelayMs = 0;
      if (!record.state.Running) await startLocked(room, container);
    });
  } finally {
    run.isRestarting = false;
  }
  room.table.event(container, 'restart');
}
