import { run } from '../../lib/process.ts';

/** A program beside the daemon and the version it tells; empty when it is not there. */
export interface Tool {
  readonly version: string;
  readonly commit: string;
}

/** Versions of the programs that the daemon works with. Each is asked once, the first time somebody wants to know. */
export class Tools {
  readonly #asked = new Map<string, Promise<Tool>>();

  /** Of a program that prints `… version 1.2.3` and maybe `commit: abc`. */
  of(program: string): Promise<Tool> {
    let asked = this.#asked.get(program);
    if (!asked) {
      asked = ask(program);
      this.#asked.set(program, asked);
    }
    return asked;
  }
}

async function ask(program: string): Promise<Tool> {
  try {
    const { stdout } = await run(program, ['--version'], { timeoutMs: 5000, allowFailure: true });
    const version = /version\s+v?([^\s,]+)/.exec(stdout)?.[1] ?? '';
    const commit = /(?:commit:?|git\.)\s*([^\s]+)/.exec(stdout)?.[1] ?? '';
    return { version, commit };
  } catch {
    return { version: '', commit: '' }; // not installed: told as such
  }
}
