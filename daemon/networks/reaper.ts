import type { Logger } from '../lib/log.ts';
import type { Namespaces } from './namespaces.ts';
import type { Programs } from './programs.ts';

/** What is left of a sandbox or a pooled namespace after its container is gone. */
export interface Remains {
  /** `ip` commands on the host. */
  commands: readonly string[];
  netnsPath?: string;
  /** Called when all of it is gone: addresses may be given again. */
  gone(): void;
}

/**
 * Takes down interfaces and namespaces in the background, many at once: removing a link waits for the kernel's grace periods (10–20 ms), and nobody has to wait with it.
 */
export class Reaper {
  readonly #programs: Programs;
  readonly #namespaces: Namespaces;
  readonly #log: Logger;
  #waiting: Remains[] = [];
  #work: Promise<void> | undefined;

  constructor(programs: Programs, namespaces: Namespaces, log: Logger) {
    this.#programs = programs;
    this.#namespaces = namespaces;
    this.#log = log;
  }

  add(remains: Remains): void {
    this.#waiting.push(remains);
    this.#work ??= this.#run().finally(() => {
      this.#work = undefined;
    });
  }

  /** Resolves when everything that was added is gone. */
  async idle(): Promise<void> {
    while (this.#work) await this.#work;
  }

  async #run(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve)); // lets more of them come together
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, 32);
      try {
        await this.#takeDown(batch).catch(() => this.#takeDown(batch)); // a helper program that died is there again
      } catch (error) {
        this.#log.warn('network leftovers not removed', { error, namespaces: batch.map((one) => one.netnsPath) });
      }
      for (const one of batch) one.gone();
    }
  }

  async #takeDown(batch: readonly Remains[]): Promise<void> {
    await this.#programs.ipInBackground(
      batch.flatMap((one) => one.commands),
      /Cannot find device/,
    );
    await this.#namespaces.remove(batch.flatMap((one) => one.netnsPath ?? []));
  }
}
