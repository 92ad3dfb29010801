import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import type { Ctrd } from '../../daemon/ctrd/contract.ts';
import { identify, signalProcess } from '../../daemon/ctrd/process-record.ts';
import { type CtrdOptions, createCtrd } from '../../daemon/ctrd/room.ts';
import { recordingLog } from './recording-log.ts';

/** A containerd of the test's own, started by the real supervisor, and what the room offers. */
export interface TestContainerd extends Ctrd, AsyncDisposable {
  readonly dir: string;
  readonly log: ReturnType<typeof recordingLog>;
  /** Closes the room and leaves the directory. */
  close(): Promise<void>;
}

/** Starts containerd in a directory of its own, or again in `dir`, and waits until it answers. Disposing stops it and removes the directory. */
export async function startContainerd(options: Partial<CtrdOptions> & { dir?: string } = {}): Promise<TestContainerd> {
  const dir = options.dir ?? fs.mkdtempSync(path.join(os.tmpdir(), 'pouchd-ctrd-'));
  const log = recordingLog();
  const defaults = {
    root: path.join(dir, 'root'),
    state: path.join(dir, 'state'),
    socket: '',
    namespace: 'pouch',
    debug: false,
    log,
  };
  const room = createCtrd({ ...defaults, ...options });
  // A test that dies of an error must not leave it running: it is in no process group of the test's.
  const killOnExit = () => {
    const running = identify(room.supervisor.pid ?? 0);
    if (running) signalProcess(running, 'SIGKILL');
  };
  process.on('exit', killOnExit);
  const dispose = async () => {
    process.off('exit', killOnExit);
    await room.close();
    fs.rmSync(dir, { recursive: true, force: true });
  };
  try {
    await room.supervisor.ready();
  } catch (error) {
    await dispose();
    throw error;
  }
  return { ...room, supervisor: room.supervisor, dir, log, close: room.close, [Symbol.asyncDispose]: dispose };
}
