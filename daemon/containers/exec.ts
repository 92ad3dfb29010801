import { invalidArgument } from '../errors/error.ts';
import { newId } from '../lib/id.ts';
import type { ExecConfig } from '../types/docker/container.ts';
import { mustBeActive } from './active-container.ts';
import type { Exec } from './exec-table.ts';
import type { LiveContainer } from './live.ts';
import type { ProcessRoom } from './process-room.ts';
import { checkShape } from './shape.ts';
import { viewOf } from './view.ts';

/** The command line as Docker's events tell it: the program, a space, then its arguments, if any. */
export function execCommand({ Cmd }: ExecConfig): string {
  const [program = '', ...args] = Cmd ?? [];
  return `${program} ${args.join(' ')}`;
}

/** See ContainerProcesses.execCreate. `container.preExec` may change the configuration. */
export async function execCreate(room: ProcessRoom, ref: string, config: ExecConfig): Promise<{ Id: string }> {
  const container = room.table.resolve(ref);
  return { Id: (await makeExec(room, container, config)).id };
}

/** Makes an exec of a running container, its event told. */
export async function makeExec(room: ProcessRoom, container: LiveContainer, request: ExecConfig): Promise<Exec> {
  checkShape('exec', request);
  const config: ExecConfig = { ...request };
  mustBeActive(container, 'exec');
  if (room.hooks.has('container.preExec')) {
    await room.hooks.run('container.preExec', viewOf(container), config);
    mustBeActive(container, 'exec');
  }
  if (!config.Cmd?.length) throw invalidArgument('No exec command specified');
  const detachKeys = parseKeys(room, config.DetachKeys);
  const exec = room.execs.add(container, { id: newId(), config, detachKeys });
  room.table.event(container, `exec_create: ${execCommand(config)}`, { execID: exec.id });
  return exec;
}

/** Docker's text for an exec is another than for an attach. */
function parseKeys(room: ProcessRoom, keys: string | undefined): Buffer | undefined {
  try {
    return room.stdio.parseDetachKeys(keys);
  } catch (error) {
    throw invalidArgument(`Invalid escape keys (${keys}) provided`, error);
  }
}

/** The answer of an exec's inspect, in Docker's spelling. */
export function execInspect(room: ProcessRoom, id: string): object {
  const { config, state, exitCode, container, detachKeys, pid } = room.execs.get(id);
  const [entrypoint = '', ...args] = config.Cmd ?? [];
  return {
    ID: id,
    Running: state === 'running',
    ExitCode: exitCode ?? null,
    ProcessConfig: {
      tty: config.Tty === true,
      entrypoint,
      arguments: args,
      privileged: config.Privileged === true,
      ...(config.User ? { user: config.User } : {}),
    },
    OpenStdin: config.AttachStdin === true,
    OpenStderr: config.AttachStderr === true,
    OpenStdout: config.AttachStdout === true,
    CanRemove: false,
    ContainerID: container.record.id,
    DetachKeys: detachKeys?.toString('base64') ?? '',
    Pid: pid,
  };
}
