import {
  TaskCheckpointed,
  TaskCreate,
  TaskDelete,
  TaskExecAdded,
  TaskExecStarted,
  TaskExit,
  TaskOOM,
  TaskPaused,
  TaskResumed,
  TaskStart,
} from '../types/gen/containerd/messages.ts';
import type { Envelope } from '../types/gen/containerd/types.ts';
import { type Timestamp, timestampOf } from './timestamp.ts';

/** A decoded task event. `id` of exit and delete is the container's id for its first process, else the exec's. */
export type TaskEvent = { containerId: string /** When containerd told it. */; at: Timestamp } & (
  | { type: 'create'; pid: number; bundle: string }
  | { type: 'start'; pid: number }
  | { type: 'exit'; id: string; pid: number; exitStatus: number; exitedAt: Timestamp }
  | { type: 'delete'; id: string; pid: number; exitStatus: number; exitedAt: Timestamp }
  | { type: 'execAdded'; execId: string }
  | { type: 'execStarted'; execId: string; pid: number }
  | { type: 'oom' }
  | { type: 'paused' }
  | { type: 'resumed' }
  | { type: 'checkpointed' }
);

type Body = TaskEvent extends infer E ? (E extends TaskEvent ? Omit<E, 'at'> : never) : never;

const decoders: Record<string, (bytes: Uint8Array) => Body> = {
  '/tasks/create': (bytes) => {
    const { containerId, pid, bundle } = TaskCreate.decode(bytes);
    return { type: 'create', containerId, pid, bundle };
  },
  '/tasks/start': (bytes) => ({ type: 'start', ...TaskStart.decode(bytes) }),
  '/tasks/exit': (bytes) => {
    const event = TaskExit.decode(bytes);
    return { type: 'exit', ...event, exitedAt: timestampOf(event.exitedAt) };
  },
  '/tasks/delete': (bytes) => {
    const event = TaskDelete.decode(bytes);
    return { type: 'delete', ...event, id: event.id || event.containerId, exitedAt: timestampOf(event.exitedAt) };
  },
  '/tasks/exec-added': (bytes) => ({ type: 'execAdded', ...TaskExecAdded.decode(bytes) }),
  '/tasks/exec-started': (bytes) => ({ type: 'execStarted', ...TaskExecStarted.decode(bytes) }),
  '/tasks/oom': (bytes) => ({ type: 'oom', ...TaskOOM.decode(bytes) }),
  '/tasks/paused': (bytes) => ({ type: 'paused', ...TaskPaused.decode(bytes) }),
  '/tasks/resumed': (bytes) => ({ type: 'resumed', ...TaskResumed.decode(bytes) }),
  '/tasks/checkpointed': (bytes) => {
    const { containerId } = TaskCheckpointed.decode(bytes);
    return { type: 'checkpointed', containerId };
  },
};

/** The task event inside an envelope; undefined for topics that are none of ours. */
export function decodeTaskEvent(envelope: Envelope): TaskEvent | undefined {
  const decode = decoders[envelope.topic];
  if (!decode || !envelope.event) return undefined;
  return { ...decode(envelope.event.value), at: timestampOf(envelope.timestamp) } as TaskEvent; // Body & at is TaskEvent again
}
