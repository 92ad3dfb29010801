import { PouchError } from '../errors/error.ts';
import { withDeadline } from '../lib/deadline.ts';
import { mustRun } from './active-container.ts';
import type { ProcessRoom } from './process-room.ts';

/** Docker waits this long for an exec that was created but does not run yet. */
const execWaitMs = 10_000;

/** Sets the size of a running container's terminal. Throws conflict while there is no process. */
export async function resize(room: ProcessRoom, ref: string, size: { height: number; width: number }): Promise<void> {
  const container = room.table.resolve(ref);
  mustRun(container);
  await room.ctrd.client.tasks.resizePty({ containerId: container.record.id, ...size });
  room.table.event(container, 'resize', { height: String(size.height), width: String(size.width) });
}

/** Sets the size of an exec's terminal; waits for one that is just starting. */
export async function execResize(room: ProcessRoom, id: string, size: { height: number; width: number }): Promise<void> {
  const exec = room.execs.get(id);
  if (exec.state === 'created' || exec.state === 'starting') {
    await withDeadline(exec.running.promise, execWaitMs, 'start of the exec').catch((cause: unknown) => {
      throw new PouchError('internal', 'timeout waiting for exec session ready', { cause });
    });
  }
  await room.ctrd.client.tasks.resizePty({ containerId: exec.container.record.id, execId: id, ...size });
}
