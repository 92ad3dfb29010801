import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, PouchError } from '../errors/error.ts';
import type { Logger } from '../lib/log.ts';
import type { ProcessIo, ProcessIoOptions, StdioService } from './contract.ts';
import { parseDetachKeys } from './detach-keys.ts';
import { FifoPool } from './fifo-pool.ts';
import { logDriver, logDrivers, validateLogConfig } from './log/drivers.ts';
import { FifoProcessIo } from './process-io.ts';

/** What `createStdio` stands on. */
export interface StdioDeps {
  /** Folder for fifos in stock; on the file system of the processes' own folders, or each fifo costs a spawn. */
  poolDir: string;
  log: Logger;
}

/** The room: standard streams and logs of processes. `warm` makes fifos ahead of the first container. */
export function createStdio({ poolDir, log }: StdioDeps): StdioService & { warm(): Promise<void> } {
  const pool = new FifoPool(poolDir);

  async function place(paths: ProcessIo['paths'], dir: string, keep: boolean): Promise<void> {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    for (const path of [paths.stdin, paths.stdout, paths.stderr]) {
      if (path && !(keep && (await isFifo(path)))) await pool.place(path);
    }
  }

  return {
    logDrivers: Object.keys(logDrivers),
    validateLogConfig,
    parseDetachKeys,
    warm: () => pool.warm(),

    async openProcess(options) {
      const paths = pathsOf(options);
      await place(paths, options.dir, false);
      return new FifoProcessIo(options, paths);
    },

    async reopenProcess(options) {
      const paths = pathsOf(options);
      await place(paths, options.dir, true); // a fifo that is gone: the process wrote its last, but the streams are as always
      const io = new FifoProcessIo(options, paths);
      io.started();
      return io;
    },

    async openLog(request) {
      validateLogConfig(request.type, request.config);
      try {
        return await logDriver(request.type || 'json-file').open(request, log);
      } catch (error) {
        throw new PouchError('internal', `failed to initialize logging driver: ${messageOf(error)}`, { cause: error });
      }
    },
  };
}

function pathsOf({ dir, id, tty, stdin }: ProcessIoOptions): ProcessIo['paths'] {
  return {
    stdin: stdin ? join(dir, `${id}-stdin`) : '',
    stdout: join(dir, `${id}-stdout`),
    stderr: tty ? '' : join(dir, `${id}-stderr`),
    terminal: tty,
  };
}

async function isFifo(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFIFO();
  } catch {
    return false;
  }
}
