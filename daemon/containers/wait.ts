import type { WaitCondition } from './contract.ts';
import type { Exit, LiveContainer } from './live.ts';
import type { Room } from './room.ts';

type Result = { StatusCode: number; Error?: { Message: string } };

/** See ContainerLifecycle.wait. Registered before this returns, so an exit right after is not missed. */
export function wait(
  room: Room,
  container: LiveContainer,
  condition: WaitCondition,
  signal?: AbortSignal,
): { registered: Promise<void>; result: Promise<Result> } {
  const result = waitFor(room, container, condition, signal).then(({ exitCode }): Result => {
    // Docker tells the error of a failed start, but not to those who wait for the removal.
    const message = condition === 'removed' ? '' : container.record.state.Error;
    return { StatusCode: exitCode, ...(message ? { Error: { Message: message } } : {}) };
  });
  return { registered: Promise.resolve(), result };
}

function waitFor(room: Room, container: LiveContainer, condition: WaitCondition, signal?: AbortSignal): Promise<Exit> {
  switch (condition) {
    case 'next-exit':
      return room.table.onExit(container, signal);
    case 'removed':
      return room.table.onRemoval(container, signal);
    case 'not-running':
      return untilNotRunning(room, container, signal);
    default:
      return condition satisfies never;
  }
}

/** A container that its policy starts again is running all the while. */
async function untilNotRunning(room: Room, container: LiveContainer, signal?: AbortSignal): Promise<Exit> {
  const { state } = container.record;
  while (state.Running) await room.table.onExit(container, signal);
  return { exitCode: state.ExitCode, at: state.FinishedAt };
}
