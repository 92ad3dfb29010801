/*
 * The life of an exec's process: streams, process spec, Tasks.Exec and Start; then the exit as containerd tells it, output drained, exit code set before the last client's stream ends (the
 * CLI asks for it the moment the stream ends), containerd's record deleted, event told.
 */
import { join } from 'node:path';
import { packJson } from '../ctrd/any.ts';
import { conflict, isKind, messageOf } from '../errors/error.ts';
import type { AttachRequest } from '../stdio/contract.ts';
import { mustBeActive } from './active-container.ts';
import { execCommand } from './exec.ts';
import { execProcess } from './exec-process.ts';
import type { Exec } from './exec-table.ts';
import type { ProcessRoom } from './process-room.ts';
import { startFailure } from './run-errors.ts';

/** What a start asks for beside what the create said. */
export interface ExecStartOptions {
  tty?: boolean;
  /** Height, width. */
  consoleSize?: [number, number];
}

/** Takes an exec for its one start. Throws with Docker's texts when it is not to be started, before a connection is taken over. */
export function claimExec(room: ProcessRoom, id: string): Exec {
  const exec = room.execs.get(id);
  if (exec.state === 'ended') throw conflict(`Error: Exec command ${id} has already run`);
  if (exec.state !== 'created') throw conflict(`Error: Exec command ${id} is already running`);
  mustBeActive(exec.container, 'exec');
  exec.state = 'starting';
  return exec;
}

/**
 * Starts a claimed exec. `client` is attached before the process exists, so it misses nothing. Resolves once the process runs; `done` of the result resolves after its end and
 * everything is told. Rejects, with Docker's text and the exit code set, when it cannot be started.
 */
export async function startExec(
  room: ProcessRoom,
  exec: Exec,
  options: ExecStartOptions & { client?: Omit<AttachRequest, 'stdout' | 'stderr'> } = {},
): Promise<{ attached: Promise<'ended' | 'detached' | 'closed'> | undefined; done: Promise<number> }> {
  const { id, container, config } = exec;
  const { record } = container;
  const { client } = options;
  try {
    room.table.event(container, `exec_start: ${execCommand(config)}`, { execID: id });
    if (room.hooks.has('exec.preStart'))
      await room.hooks.run('exec.preStart', { id, containerId: record.id, config: structuredClone(config) });
    const process = await execProcess(room, container, { config, consoleSize: options.consoleSize });
    exec.io = await openIo(room, exec, client !== undefined);
    const attached =
      client && exec.io.attach({ ...client, stdout: config.AttachStdout === true, stderr: config.AttachStderr === true });
    exec.pid = await runProcess(room, exec, process);
    exec.state = 'running';
    exec.running.resolve();
    exec.io.started();
    return { attached, done: finishExec(room, exec) };
  } catch (error) {
    await exec.io?.close();
    const failure = startFailure(error);
    room.execs.ended(exec, failure.exitCode === 127 ? 127 : 126); // Docker knows no other code for an exec that did not start
    exec.running.reject(failure.error);
    throw failure.error;
  }
}

async function openIo(room: ProcessRoom, exec: Exec, hasClient: boolean) {
  const { id, container, config } = exec;
  const containerId = container.record.id;
  return await room.stdio.openProcess({
    dir: join(room.state, containerId),
    id,
    tty: config.Tty === true,
    stdin: config.AttachStdin === true && hasClient,
    stdinOnce: true,
    onStdinEnd: () => {
      room.ctrd.client.tasks.closeIO({ containerId, execId: id, stdin: true }).catch((error: unknown) => {
        if (!isKind(error, 'notFound')) room.log.warn('stdin of an exec was not closed', { id, error: messageOf(error) });
      });
    },
  });
}

async function runProcess(room: ProcessRoom, exec: Exec, process: object): Promise<number> {
  const { tasks } = room.ctrd.client;
  const ids = { containerId: exec.container.record.id, execId: exec.id };
  const { stdin, stdout, stderr, terminal } = exec.io?.paths ?? { stdin: '', stdout: '', stderr: '', terminal: false };
  await tasks.exec({ ...ids, stdin, stdout, stderr, terminal, spec: packJson('ociProcess', process) });
  try {
    const { pid } = await tasks.start(ids);
    return pid;
  } catch (error) {
    await tasks.deleteProcess(ids).catch(() => undefined); // the start's own error counts
    throw error;
  }
}

/** Waits for the exit of an exec that runs, and tells it; never rejects. */
export async function finishExec(room: ProcessRoom, exec: Exec): Promise<number> {
  const { id, container, config } = exec;
  const exitCode = await exec.exited.promise;
  room.execs.ended(exec, exitCode);
  const { io } = exec;
  exec.io = undefined;
  try {
    await io?.drained();
    await io?.close();
  } catch (error) {
    room.log.warn('output of an exec was not read to its end', { id, error: messageOf(error) });
  }
  try {
    await room.ctrd.client.tasks.deleteProcess({ containerId: container.record.id, execId: id });
  } catch (error) {
    if (!isKind(error, 'notFound')) room.log.warn('containerd kept an ended exec', { id, error: messageOf(error) });
  }
  room.table.event(container, 'exec_die', { execID: id, exitCode: String(exitCode) });
  if (room.hooks.has('exec.postStop')) {
    const view = { id, containerId: container.record.id, config: structuredClone(config) };
    await room.hooks
      .run('exec.postStop', view, { exitCode })
      .catch((error: unknown) => room.log.warn('postStop of an exec failed', { id, error }));
  }
  return exitCode;
}
