import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isKind } from '../errors/error.ts';
import { mapLimited } from '../lib/map-limited.ts';
import { Status } from '../types/gen/containerd/task-types.ts';
import { finishExec } from './exec-start.ts';
import type { LiveContainer } from './live.ts';
import type { ProcessRoom } from './process-room.ts';

/**
 * After a restart: execs of the former daemon that still run are taken over (nobody is attached any more, but their output must be read or they block), ended ones and their
 * fifos are cleared away. They are found by their fifos; what else was known of them is lost, as under Docker.
 */
export async function restoreExecs(room: ProcessRoom): Promise<void> {
  const left = (await Promise.all(room.table.all().map((container) => execsOf(room, container)))).flat();
  await mapLimited(left, 8, async ({ container, id }) => {
    try {
      await restoreExec(room, container, id);
    } catch (error) {
      room.log.warn('an exec of the former daemon was left as it is', { id, error });
    }
  });
}

async function execsOf(room: ProcessRoom, container: LiveContainer): Promise<{ container: LiveContainer; id: string }[]> {
  const names = await readdir(join(room.state, container.record.id)).catch(() => []); // none: it was never started
  const ids = new Set(names.flatMap((name) => /^([0-9a-f]{64})-std(?:in|out|err)$/.exec(name)?.[1] ?? []));
  ids.delete(container.record.id);
  return [...ids].filter((id) => !room.execs.has(id)).map((id) => ({ container, id })); // not those that were started meanwhile
}

async function restoreExec(room: ProcessRoom, container: LiveContainer, id: string): Promise<void> {
  const { tasks } = room.ctrd.client;
  const ids = { containerId: container.record.id, execId: id };
  const dir = join(room.state, container.record.id);
  const exec = room.execs.add(container, { id, config: {}, detachKeys: undefined }); // first, so that an exit that comes now is seen
  const process = await tasks.get(ids).then(
    (answer) => answer.process,
    (error: unknown) => {
      if (isKind(error, 'notFound')) return undefined;
      throw error;
    },
  );
  if (!process || (process.status !== Status.RUNNING && process.status !== Status.PAUSED)) {
    room.execs.forget(exec);
    if (process) await tasks.deleteProcess(ids).catch(() => undefined); // it goes with its container otherwise
    await Promise.all(['stdin', 'stdout', 'stderr'].map((name) => rm(join(dir, `${id}-${name}`), { force: true })));
    return;
  }
  exec.config.Tty = process.terminal;
  exec.io = await room.stdio.reopenProcess({ dir, id, tty: process.terminal, stdin: process.stdin !== '', stdinOnce: true });
  exec.pid = process.pid;
  exec.state = 'running';
  exec.running.resolve();
  void finishExec(room, exec);
}
