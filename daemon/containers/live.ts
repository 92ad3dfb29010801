import type { Image } from '../images/contract.ts';
import type { ContainerLog, ProcessIo } from '../stdio/contract.ts';
import type { Container, ContainerRecord } from './contract.ts';

/** How a container's process ended. */
export interface Exit {
  exitCode: number;
  /** RFC 3339. */
  at: string;
}

/** Someone who waits for an exit or for the removal. */
export interface Waiter {
  resolve(exit: Exit): void;
}

/** What stops a healthcheck loop. */
export interface HealthMonitor {
  stop(): void;
}

/** The part of a container that lives in memory only. */
export interface RunState {
  /** containerd has a container object of this id: the next start updates it instead of making one. */
  inContainerd: boolean;
  /** How the exit that comes will be told: set by stop and kill. */
  stopCause: 'stopped' | 'killed' | undefined;
  /** An out-of-memory event was seen since the start. */
  sawOom: boolean;
  /** Of the monotonic clock; 0 when it was not started by this daemon. */
  startedAtMs: number;
  /** Wait before the next restart by policy; doubles with each. */
  restartDelayMs: number;
  restartTimer: NodeJS.Timeout | undefined;
  exitWaiters: Set<Waiter>;
  removalWaiters: Set<Waiter>;
  health: HealthMonitor | undefined;
  /** Stopped only to be started again: AutoRemove does not strike. */
  isRestarting: boolean;
  /** Being removed: no start, no second removal. */
  removing: boolean;
  /** Mounts (shared memory) made on the host for this run. */
  hostMounts: string[];
  /** Volume names mounted for this run. */
  volumeMounts: string[];
  /** The row of the list, for the status text it was made with. */
  row: { status: string; json: string } | undefined;
}

/** A container as this room holds it. */
export interface LiveContainer extends Container {
  readonly record: ContainerRecord;
  readonly dir: string;
  image: Image | undefined;
  io: ProcessIo | undefined;
  log: ContainerLog | undefined;
  readonly execs: Set<string>;
  readonly run: RunState;
}

/** A container around a record. */
export function liveContainer(record: ContainerRecord, dir: string, image: Image | undefined): LiveContainer {
  return {
    record,
    dir,
    image,
    io: undefined,
    log: undefined,
    execs: new Set(),
    run: {
      inContainerd: false,
      stopCause: undefined,
      sawOom: false,
      startedAtMs: 0,
      restartDelayMs: 0,
      restartTimer: undefined,
      exitWaiters: new Set(),
      removalWaiters: new Set(),
      health: undefined,
      isRestarting: false,
      removing: false,
      hostMounts: [],
      volumeMounts: [],
      row: undefined,
    },
  };
}
