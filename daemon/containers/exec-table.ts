/*
 * All execs of this daemon's life, by id. One listener on containerd's task events settles their exits; after a gap in the events each running one is asked for. An ended exec can be
 * inspected for some minutes, then it is forgotten, as are those of a removed container.
 */
import type { Ctrd } from '../ctrd/contract.ts';
import { isKind, notFound } from '../errors/error.ts';
import type { Logger } from '../lib/log.ts';
import type { ProcessIo } from '../stdio/contract.ts';
import type { ExecConfig } from '../types/docker/container.ts';
import { Status } from '../types/gen/containerd/task-types.ts';
import type { LiveContainer } from './live.ts';

/** One exec. `state` goes from created to starting, running, ended. */
export interface Exec {
  readonly id: string;
  readonly container: LiveContainer;
  readonly config: ExecConfig;
  readonly detachKeys: Buffer | undefined;
  state: 'created' | 'starting' | 'running' | 'ended';
  /** Set when it has ended, or could not be started (126, 127). */
  exitCode: number | undefined;
  pid: number;
  io: ProcessIo | undefined;
  /** Resolves once the process exists; rejects when it could not be started. */
  readonly running: PromiseWithResolvers<void>;
  /** Resolves with the exit code that containerd tells. */
  readonly exited: PromiseWithResolvers<number>;
}

/** An ended exec can be inspected for this long. */
const keepMs = 10 * 60_000;
/** Exit code of a process whose end nobody saw. */
const unknownExit = 255;

/** The execs by id. */
export class ExecTable {
  readonly #execs = new Map<string, Exec>();
  readonly #ctrd: Pick<Ctrd, 'client' | 'events'>;
  readonly #log: Logger;
  readonly #leave: (() => void)[];

  constructor(ctrd: Pick<Ctrd, 'client' | 'events'>, log: Logger) {
    this.#ctrd = ctrd;
    this.#log = log;
    this.#leave = [
      ctrd.events.listen((event) => {
        if (event.type === 'exit' && event.id !== event.containerId) this.#execs.get(event.id)?.exited.resolve(event.exitStatus);
      }),
      ctrd.events.onResync(() => this.#resync()),
    ];
  }

  add(container: LiveContainer, exec: Pick<Exec, 'id' | 'config' | 'detachKeys'>): Exec {
    const running = Promise.withResolvers<void>();
    running.promise.catch(() => undefined); // told by the start itself
    const added: Exec = {
      ...exec,
      container,
      state: 'created',
      exitCode: undefined,
      pid: 0,
      io: undefined,
      running,
      exited: Promise.withResolvers<number>(),
    };
    this.#execs.set(exec.id, added);
    container.execs.add(exec.id);
    return added;
  }

  has(id: string): boolean {
    return this.#execs.has(id);
  }

  /** Throws notFound with Docker's text. */
  get(id: string): Exec {
    const exec = this.#execs.get(id);
    if (!exec) throw notFound(`No such exec instance: ${id}`);
    return exec;
  }

  /** It no longer shows at its container, and is forgotten after a while. */
  ended(exec: Exec, exitCode: number): void {
    exec.state = 'ended';
    exec.exitCode = exitCode;
    exec.container.execs.delete(exec.id);
    setTimeout(() => this.forget(exec), keepMs).unref();
  }

  forget(exec: Exec): void {
    this.#execs.delete(exec.id);
    exec.container.execs.delete(exec.id);
  }

  /** The container is gone. */
  forgetContainer(id: string): void {
    for (const exec of this.#execs.values()) if (exec.container.record.id === id) this.forget(exec);
  }

  close(): void {
    for (const leave of this.#leave.splice(0)) leave();
  }

  async #resync(): Promise<void> {
    for (const exec of this.#execs.values()) {
      if (exec.state !== 'running') continue;
      try {
        const { process } = await this.#ctrd.client.tasks.get({ containerId: exec.container.record.id, execId: exec.id });
        if (!process || process.status === Status.STOPPED) exec.exited.resolve(process?.exitStatus ?? unknownExit);
      } catch (error) {
        if (isKind(error, 'notFound')) exec.exited.resolve(unknownExit);
        else this.#log.warn('state of an exec is unknown', { id: exec.id, error });
      }
    }
  }
}
