import { conflict, isKind, messageOf } from '../errors/error.ts';
import type { LiveContainer } from './live.ts';
import { cancelRestart } from './restart-policy.ts';
import type { Room } from './room.ts';
import { parseSignal } from './signals.ts';
import { settle } from './table.ts';

const sigkill = 9;

/** See ContainerLifecycle.kill; `ref` is what the client called it, for messages. */
export async function kill(
  room: Room,
  container: LiveContainer,
  { ref, signal }: { ref: string; signal?: string },
): Promise<void> {
  const number = parseSignal(signal || 'SIGKILL');
  const { record, run } = container;
  if (!record.state.Running) throw notRunning(container, lead(ref));
  const stopSignal = parseSignal(record.config.StopSignal || 'SIGTERM');
  // Docker: a kill that is meant to end the container keeps the restart policy away.
  if (number === sigkill || number === stopSignal) {
    record.hasBeenManuallyStopped = true;
    run.stopCause ??= 'killed';
    room.table.save(container);
  }
  if (await endRestarting(room, container)) return;
  await sendSignal(room, container, number, lead(ref));
  room.table.event(container, 'kill', { signal: String(number) });
  if (number === sigkill || number === stopSignal) await thaw(room, container);
}

const lead = (ref: string) => `Cannot kill container: ${ref}: `;

/** 409 `Container ID is not running`, with a lead-in. */
export function notRunning(container: LiveContainer, lead = ''): Error {
  return conflict(`${lead}Container ${container.record.id} is not running`);
}

/** Sends a signal to the container's process. A task that is gone is conflict `is not running`. */
export async function sendSignal(room: Room, container: LiveContainer, number: number, lead = ''): Promise<void> {
  try {
    await room.ctrd.client.tasks.kill({ containerId: container.record.id, signal: number });
  } catch (error) {
    if (
      isKind(error, 'notFound') ||
      /already finished|not found|no such process/.test(error instanceof Error ? error.message : '')
    ) {
      throw notRunning(container, lead);
    }
    throw error;
  }
}

/** Thaws a paused container, so that a signal that is to end it gets through. */
export async function thaw(room: Room, container: LiveContainer): Promise<void> {
  const { record } = container;
  if (!record.state.Paused) return;
  try {
    await room.ctrd.client.tasks.resume({ containerId: record.id });
  } catch (error) {
    if (isKind(error, 'notFound') || /stopped container|not paused/.test(messageOf(error))) return; // the signal has ended it
    throw error;
  }
  if (!record.state.Paused) return;
  Object.assign(record.state, { Status: 'running', Paused: false });
  room.table.save(container);
  room.table.event(container, 'unpause');
}

/** Ends a container that only waits for its restart; true when it was one. */
export async function endRestarting(room: Room, container: LiveContainer): Promise<boolean> {
  if (!container.record.state.Restarting) return false;
  return await room.table.locked(container, async () => {
    const { record } = container;
    if (!record.state.Restarting) return false;
    cancelRestart(container);
    Object.assign(record.state, { Status: 'exited', Running: false, Restarting: false });
    room.table.save(container);
    settle(container.run.exitWaiters, { exitCode: record.state.ExitCode, at: record.state.FinishedAt });
    return true;
  });
}
