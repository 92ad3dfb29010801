import { Writable } from 'node:stream';
import { isKind, messageOf } from '../errors/error.ts';
import type { ExecConfig } from '../types/docker/container.ts';
import type { Container, ContainerProcesses } from './contract.ts';
import { makeExec } from './exec.ts';
import { claimExec, startExec } from './exec-start.ts';
import type { LiveContainer } from './live.ts';
import type { ProcessRoom } from './process-room.ts';

/** See ContainerProcesses.execRun. Output beyond `maxBytes` is dropped and told by `...`, as in Docker's health log. */
export async function execRun(
  room: ProcessRoom,
  container: Container,
  request: { config: ExecConfig; timeoutMs: number; maxBytes: number },
): ReturnType<ContainerProcesses['execRun']> {
  const { config, timeoutMs, maxBytes } = request;
  const exec = await makeExec(room, container as LiveContainer, config); // every Container comes from the one table
  const collected = collector(maxBytes);
  claimExec(room, exec.id);
  const { done } = await startExec(room, exec, { client: { output: collected.output, multiplexed: false } });
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    const ids = { containerId: container.record.id, execId: exec.id };
    room.ctrd.client.tasks.kill({ ...ids, signal: 9 }).catch((error: unknown) => {
      if (!isKind(error, 'notFound'))
        room.log.warn('a command that took too long was not killed', { ...ids, error: messageOf(error) });
    });
  }, timeoutMs);
  try {
    const exitCode = await done;
    return { exitCode, output: collected.text(), timedOut };
  } finally {
    clearTimeout(timer);
    room.execs.forget(exec);
  }
}

function collector(maxBytes: number): { output: Writable; text(): string } {
  const chunks: Buffer[] = [];
  let size = 0;
  let isCut = false;
  const output = new Writable({
    write(chunk: Buffer, _encoding, done) {
      const taken = chunk.subarray(0, maxBytes - size);
      if (taken.length > 0) chunks.push(Buffer.from(taken));
      size += taken.length;
      isCut ||= taken.length < chunk.length;
      done();
    },
  });
  return { output, text: () => `${Buffer.concat(chunks).toString('utf8')}${isCut ? '...' : ''}` };
}
