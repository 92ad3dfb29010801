import { shortId } from '../../lib/id.ts';
import type { ProgressMessage } from '../../types/docker/image.ts';

/** What the builder's lines are shown with. */
export interface OutputOptions {
  /** All steps of the Dockerfile, of every stage. */
  readonly steps: number;
  /** Image id (64 digits) -> name as the Dockerfile has it. */
  readonly names: ReadonlyMap<string, string>;
  /** What each FROM says: where a stage stands on another one, buildah tells an id instead. */
  readonly stages: readonly string[];
  readonly progress: (message: ProgressMessage) => void;
}

/** Turns buildah's lines into those of Docker's classic builder: `Step 1/7 : FROM busybox`, ` ---> Using cache`; what a RUN prints passes as it is. */
export class BuildOutput {
  readonly #options: OutputOptions;
  #step = 0;
  #rest = '';

  constructor(options: OutputOptions) {
    this.#options = options;
  }

  write(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#line(line);
  }

  #from(id: string, alias: string): string {
    const name = this.#options.names.get(id);
    if (name !== undefined) return name + alias;
    return (
      this.#options.stages.find((stage) => alias !== '' && stage.toLowerCase().endsWith(alias.toLowerCase())) ??
      shortId(id) + alias
    );
  }

  end(): void {
    if (this.#rest !== '') this.#line(this.#rest);
    this.#rest = '';
  }

  #line(line: string): void {
    const { progress, steps } = this.#options;
    const step = /^(?:\[\d+\/\d+\] )?STEP \d+\/(\d+): (.*)$/.exec(line);
    if (step) {
      this.#step++;
      const shown = step[2]!.replace(/^FROM ([0-9a-f]{64})(.*)$/, (_, id, alias) => `FROM ${this.#from(id, alias)}`);
      progress({ stream: `Step ${this.#step}/${Math.max(steps, this.#step)} : ${shown}` });
      progress({ stream: '\n' });
      return;
    }
    const unused = /^\[Warning\] one or more build args were not consumed: \[(.*)\]$/.exec(line);
    if (unused) {
      const args = unused[1]!.split(' ').filter((arg) => !/^(TARGET|BUILD)(PLATFORM|OS|ARCH|VARIANT)$/.test(arg));
      if (args.length > 0) progress({ stream: `[Warning] One or more build-args [${args.join(' ')}] were not consumed\n` });
      return;
    }
    const cached = /^(?:\[\d+\/\d+\] )?--> Using cache ([0-9a-f]{12,})$/.exec(line);
    const made = /^(?:\[\d+\/\d+\] )?--> ([0-9a-f]{11,64})$/.exec(line);
    if (cached) {
      progress({ stream: ' ---> Using cache\n' });
      progress({ stream: ` ---> ${shortId(cached[1]!)}\n` });
    } else if (made) progress({ stream: ` ---> ${shortId(made[1]!)}\n` });
    else if (!/^(?:\[\d+\/\d+\] )?COMMIT\b/.test(line) && !/^[0-9a-f]{64}$/.test(line)) progress({ stream: `${line}\n` });
  }
}

/** A failing step in Docker's words, with the exit code of a RUN. */
export function buildFailure(stderr: string): { message: string; code?: number } {
  const line =
    stderr
      .trim()
      .split('\n')
      .findLast((one) => /^(Error|error building)/i.test(one)) ?? stderr.trim();
  const run = /building at STEP "RUN (.*)": .*exit status (\d+)/.exec(line);
  if (run) {
    const command = run[1]!.startsWith('[') ? run[1]! : `/bin/sh -c ${run[1]}`;
    return { message: `The command '${command}' returned a non-zero code: ${run[2]}`, code: Number(run[2]) };
  }
  const missing = /building at STEP "(COPY|ADD)[^"]*": .*"\/?([^"]*)": no such file or directory/.exec(line);
  if (missing) {
    const [, instruction, path] = missing;
    return {
      message: `${instruction} failed: file not found in build context or excluded by .dockerignore: stat ${path}: file does not exist`,
    };
  }
  return { message: line.replace(/^Error: /, '') || 'the builder failed without a word' };
}
