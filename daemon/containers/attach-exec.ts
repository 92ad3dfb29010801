import type { Duplex } from 'node:stream';
import { finished } from 'node:stream/promises';
import { messageOf } from '../errors/error.ts';
import { writeFrame } from '../stdio/frame.ts';
import { claimExec, type ExecStartOptions, startExec } from './exec-start.ts';
import type { ProcessRoom } from './process-room.ts';

/** Takes the client's connection over; called once, after everything that can be refused was checked. */
export type OpenStream = (options: { multiplexed: boolean }) => Promise<Duplex>;

/** Starts an exec without a client; resolves when its process runs. */
export async function execStartDetached(room: ProcessRoom, id: string, options: ExecStartOptions = {}): Promise<void> {
  await startExec(room, claimExec(room, id), options);
}

/**
 * Starts an exec with the client attached and resolves when the client's stream is over. A command that cannot be started is told inside the stream, as Docker does: the connection
 * is the client's terminal by then.
 */
export async function execStartAttached(
  room: ProcessRoom,
  id: string,
  options: ExecStartOptions & { open: OpenStream; signal?: AbortSignal },
): Promise<void> {
  const exec = claimExec(room, id);
  const { config, container } = exec;
  const multiplexed = config.Tty !== true;
  let stream: Duplex;
  try {
    stream = await options.open({ multiplexed });
  } catch (error) {
    exec.state = 'created'; // nothing was started: it may be tried again
    throw error;
  }
  if (!config.AttachStdin) stream.resume(); // its end must be seen
  const { detachKeys } = exec;
  try {
    const { attached } = await startExec(room, exec, {
      ...options,
      client: { ...(config.AttachStdin ? { input: stream } : {}), output: stream, multiplexed, detachKeys },
    });
    if ((await attached) === 'detached') room.table.event(container, 'exec_detach', { execID: id });
  } catch (error) {
    const text = Buffer.from(`${messageOf(error)}\r\n`);
    if (multiplexed) writeFrame(stream, 'stdout', text);
    else stream.write(text);
    room.log.debug('exec did not start', { id, error: messageOf(error) });
  }
  await endStream(stream);
}

/** Ends what is written to a client and waits until it is sent, or the client has gone. */
export async function endStream(stream: Duplex): Promise<void> {
  stream.end();
  await finished(stream, { readable: false }).catch(() => undefined); // a client that left is no error
}
