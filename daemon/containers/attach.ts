import { setTimeout as sleep } from 'node:timers/promises';
import type { AttachOptions } from '../../hookplugins/shapes.ts';
import { conflict } from '../errors/error.ts';
import type { ProcessIo } from '../stdio/contract.ts';
import { writeFrame } from '../stdio/frame.ts';
import { endStream, type OpenStream } from './attach-exec.ts';
import type { LiveContainer } from './live.ts';
import { containerLog } from './logs.ts';
import type { ProcessRoom } from './process-room.ts';
import { viewOf } from './view.ts';

/** An attach as the API asks for it. */
export interface AttachQuery extends AttachOptions {
  detachKeys?: string;
  /** False sends bare bytes also without a terminal (WebSockets). */
  framed?: boolean;
  signal?: AbortSignal;
}

/**
 * Undefined when the streams cannot be opened before a start, for a log option that does not work: the client is let go, and the start that follows says why. Docker opens the log
 * no earlier.
 */
async function openIo(room: ProcessRoom, container: LiveContainer): Promise<ProcessIo | undefined> {
  try {
    return await room.table.ensureIo(container);
  } catch (error) {
    if (container.record.state.Running) throw error;
    room.log.debug('streams cannot be opened', { id: container.record.id, error });
    return undefined;
  }
}

/** Past output waits this long behind the header. */
const headStartMs = 5;

/**
 * Attaches a client to a container that runs, or will. With `logs` what was logged before goes first, without a gap or a repeat. Resolves when the client's stream is over.
 */
export async function attach(
  room: ProcessRoom,
  ref: string,
  { open, ...query }: AttachQuery & { open: OpenStream },
): Promise<void> {
  const container = room.table.resolve(ref);
  const { record } = container;
  if (record.state.Paused) throw conflict(`Container ${record.id} is paused, unpause the container before attach`);
  if (record.state.Restarting) throw conflict(`Container ${record.id} is restarting, wait until the container is running`);
  const detachKeys = room.stdio.parseDetachKeys(query.detachKeys);
  const { stdin, stdout, stderr, stream, logs } = query;
  if (room.hooks.has('container.preAttach')) {
    await room.hooks.run('container.preAttach', viewOf(container), { stdin, stdout, stderr, stream, logs });
  }
  // Before the connection is taken over, so that an unreadable log is a plain refusal.
  if (logs) (await containerLog(room, container)).read({ stdout, stderr, follow: false });
  const io = stream ? await openIo(room, container) : undefined;
  const multiplexed = record.config.Tty !== true && query.framed !== false;
  const connection = await open({ multiplexed });
  const wantsInput = stdin && stream;
  if (!wantsInput) connection.resume(); // its end must be seen
  const sendLog = async (): Promise<void> => {
    await sleep(headStartMs); // docker-py throws away what arrives together with the header
    const log = container.log ?? (await containerLog(room, container));
    for await (const batch of log.read({ stdout, stderr, follow: false })) {
      for (const { stream: name, line } of batch) {
        if (connection.destroyed) return;
        const more = multiplexed ? writeFrame(connection, name, line) : connection.write(line);
        if (!more) await new Promise<void>((resolve) => connection.once('drain', resolve).once('close', resolve));
      }
    }
  };
  if (io) {
    room.table.event(container, 'attach');
    const how = await io.attach({
      stdout,
      stderr,
      output: connection,
      multiplexed,
      detachKeys,
      signal: query.signal,
      ...(wantsInput ? { input: connection } : {}),
      ...(logs ? { before: sendLog } : {}),
    });
    if (how === 'detached') room.table.event(container, 'detach');
  } else if (logs) {
    await sendLog();
  }
  await endStream(connection);
}
