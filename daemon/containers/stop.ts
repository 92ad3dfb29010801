import { setTimeout as sleep } from 'node:timers/promises';
import { internal, isKind, notModified } from '../errors/error.ts';
import { endRestarting, sendSignal, thaw } from './kill.ts';
import type { LiveContainer } from './live.ts';
import type { Room } from './room.ts';
import { parseSignal } from './signals.ts';
import { viewOf } from './view.ts';

const defaultTimeoutSeconds = 10;
const killWaitMs = 10_000;

/** What stop and restart are told. */
export interface StopOptions {
  /** Seconds until SIGKILL; -1 waits for ever. */
  timeoutSeconds?: number;
  signal?: string;
}

/** See ContainerLifecycle.stop. A container that does not run is notModified (304). */
export async function stop(room: Room, container: LiveContainer, options: StopOptions = {}): Promise<void> {
  if (!container.record.state.Running) throw notModified(`container ${container.record.name} is not running`);
  container.record.hasBeenManuallyStopped = true;
  await stopRunning(room, container, options);
  room.table.event(container, 'stop');
}

/** Ends a running container: plugins are told, the stop signal is sent, SIGKILL after the time limit. Resolves when the exit is handled. Without the container's lock. */
export async function stopRunning(room: Room, container: LiveContainer, options: StopOptions): Promise<void> {
  const { record, run } = container;
  const signal = parseSignal(options.signal || record.config.StopSignal || 'SIGTERM');
  const seconds = options.timeoutSeconds ?? record.config.StopTimeout ?? defaultTimeoutSeconds;
  room.table.save(container);
  if (await endRestarting(room, container)) return;
  if (room.hooks.has('container.preStop')) await room.hooks.run('container.preStop', viewOf(container));
  if (!record.state.Running) return;
  run.stopCause = 'stopped';
  const exited = new AbortController();
  const exit = room.table.onExit(container, exited.signal);
  exit.catch(() => undefined); // aborted below when nobody waits any more
  try {
    if (!(await signalled(room, container, signal))) return await handled(room, container, exit);
    await thaw(room, container);
    if (seconds < 0) {
      await exit;
      return;
    }
    if (await within(exit, seconds * 1000)) return;
    run.stopCause = 'killed';
    if (!(await signalled(room, container, 9))) return await handled(room, container, exit);
    if (!(await within(exit, killWaitMs))) throw internal(`container ${record.id} did not end after SIGKILL`);
  } finally {
    exited.abort();
  }
}

async function signalled(room: Room, container: LiveContainer, signal: number): Promise<boolean> {
  try {
    await sendSignal(room, container, signal);
  } catch (error) {
    if (isKind(error, 'conflict')) return false; // it ended by itself; the exit is on its way
    throw error;
  }
  room.table.event(container, 'kill', { signal: String(signal) });
  return true;
}

/** Waits for an exit that is already under way. */
async function handled(_room: Room, container: LiveContainer, exit: Promise<unknown>): Promise<void> {
  if (container.record.state.Running && !(await within(exit, killWaitMs))) {
    throw internal(`container ${container.record.id}: its exit was not seen`);
  }
}

async function within(exit: Promise<unknown>, ms: number): Promise<boolean> {
  const timer = new AbortController();
  const late = sleep(ms, false, { signal: timer.signal }).catch(() => false);
  try {
    return await Promise.race([exit.then(() => true), late]);
  } finally {
    timer.abort();
  }
}
