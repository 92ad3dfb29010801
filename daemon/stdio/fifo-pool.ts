import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../lib/process.ts';

const batchSize = 48;
const lowWater = 12;

/**
 * Fifos in stock. Node cannot make one and `mkfifo` costs a spawn, so they are made in batches ahead of need and renamed into place. Those that a former
 * daemon left are used first.
 */
export class FifoPool {
  readonly #dir: string;
  readonly #ready: string[] = [];
  #loading: Promise<void> | undefined;
  #filling: Promise<void> | undefined;

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Puts a fifo (mode 0600) at `path`, replacing what is there. `path` may be on another file system than the pool; that costs a spawn. */
  async place(path: string): Promise<void> {
    const from = await this.#take();
    try {
      await rename(from, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
      this.#ready.push(from);
      await rm(path, { force: true });
      await run('mkfifo', ['-m', '600', path]);
    }
  }

  /** Makes sure there are some; called ahead of the first container. */
  async warm(): Promise<void> {
    this.#loading ??= this.#load();
    await this.#loading;
    if (this.#ready.length < lowWater) await this.#fill();
  }

  async #take(): Promise<string> {
    this.#loading ??= this.#load();
    await this.#loading;
    for (;;) {
      const one = this.#ready.pop();
      if (one === undefined) {
        await this.#fill();
        continue;
      }
      // In the background: its failure shows at the next `place` that finds the pool empty.
      if (this.#ready.length < lowWater) void this.#fill().catch(() => undefined);
      return one;
    }
  }

  async #load(): Promise<void> {
    await mkdir(this.#dir, { recursive: true, mode: 0o700 });
    for (const entry of await readdir(this.#dir, { withFileTypes: true })) {
      if (entry.isFIFO()) this.#ready.push(join(this.#dir, entry.name));
    }
  }

  #fill(): Promise<void> {
    this.#filling ??= this.#make().finally(() => {
      this.#filling = undefined;
    });
    return this.#filling;
  }

  async #make(): Promise<void> {
    const stem = randomUUID();
    const paths = Array.from({ length: batchSize }, (_, index) => join(this.#dir, `${stem}-${index}`));
    await run('mkfifo', ['-m', '600', ...paths]);
    this.#ready.push(...paths);
  }
}
