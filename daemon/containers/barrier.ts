/*
 * The entry `libnetwork-setkey` of a prestart list: a barrier that the runtime reaches between the entries above and below priority 0. It is a tiny /bin/sh script, because
 * starting the daemon's executable would cost 30-40 ms: it hands its stdin (the OCI state) to one fifo and waits for `CODE MESSAGE` on another. The daemon wires the network in between.
 */
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { messageOf } from '../errors/error.ts';
import { run } from '../lib/process.ts';
import type { PrestartEntry } from '../spec/contract.ts';

/** argv0 of the entry. */
export const barrierName = 'libnetwork-setkey';

/** Seconds after which the runtime gives up on the barrier: only when the daemon died meanwhile. */
const barrierTimeoutSeconds = 60;

const script = `#!/bin/sh
d=\${0%/*}/$1
IFS= read -r state
printf '%s\\n' "$state" > "$d/reached" || exit 1
IFS= read -r answer < "$d/answer" || exit 1
code=\${answer%% *}
[ "$code" = 0 ] || printf '%s\\n' "\${answer#* }" >&2
exit "$code"
`;

/** One start's barrier. */
export interface Barrier {
  readonly entry: PrestartEntry;
  /** The error with which `onReached` failed, if it did. */
  readonly failure: unknown;
  close(): Promise<void>;
}

/** Writes the script where the barriers of all containers find it; `state` is the room's volatile folder. */
export async function installBarrier(state: string): Promise<void> {
  await mkdir(state, { recursive: true, mode: 0o711 });
  await writeFile(join(state, barrierName), script, { mode: 0o755 });
}

/** Makes the fifos of a start, and calls `onReached` once when the runtime gets there. */
export async function openBarrier(
  state: string,
  ids: { containerId: string; controllerId: string },
  onReached: () => Promise<void>,
): Promise<Barrier> {
  const dir = join(state, ids.containerId);
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const [reached, answer] = [join(dir, 'reached'), join(dir, 'answer')];
  await rm(reached, { force: true });
  await rm(answer, { force: true });
  await run('mkfifo', ['-m', '600', reached, answer]);
  const answerFd = openSync(answer, constants.O_RDWR | constants.O_NONBLOCK);
  const socket = new Socket({ fd: openSync(reached, constants.O_RDWR | constants.O_NONBLOCK), readable: true, writable: false });
  let failure: unknown;
  let isClosed = false;
  const reply = (line: string) => {
    if (!isClosed) writeSync(answerFd, `${line.replaceAll('\n', ' ')}\n`);
  };
  socket.once('data', () => {
    onReached().then(
      () => reply('0 ok'),
      (error: unknown) => {
        failure = error;
        reply(`1 ${messageOf(error)}`);
      },
    );
  });
  socket.on('error', () => undefined); // closed under us on teardown
  return {
    entry: {
      path: join(state, barrierName),
      args: [barrierName, ids.containerId, ids.controllerId],
      timeout: barrierTimeoutSeconds,
    },
    get failure() {
      return failure;
    },
    async close() {
      if (isClosed) return;
      isClosed = true;
      socket.destroy();
      closeSync(answerFd);
      await Promise.all([rm(reached, { force: true }), rm(answer, { force: true })]);
    },
  };
}
