import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { PluginError, type PluginLog } from '@pouchd/hookplugins';

/** The plugin's config section. */
export interface AssistantConfig {
  readonly command?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly stopTimeoutSeconds: number;
  readonly minBackoffMs: number;
  readonly maxBackoffMs: number;
}

/**
 * One process that is kept running until `stop`. It is started in a process group of its own, which is what is signalled; its stdin is a pipe that closes when the daemon is gone, however
 * that happened; its output becomes log lines.
 */
export class Assistant {
  readonly #config: AssistantConfig & { readonly command: readonly string[] };
  readonly #log: PluginLog;
  #child: ChildProcess | undefined;
  #timer: NodeJS.Timeout | undefined;
  #backoffMs: number;
  #restarts = 0;
  #stopping = false;

  constructor(config: AssistantConfig & { readonly command: readonly string[] }, log: PluginLog) {
    this.#config = config;
    this.#log = log;
    this.#backoffMs = config.minBackoffMs;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get restarts(): number {
    return this.#restarts;
  }

  /** Starts it; rejects when the program cannot be started at all. */
  async start(): Promise<void> {
    const [program = '', ...args] = this.#config.command;
    const { cwd, env } = this.#config;
    const child = spawn(program, args, { cwd, env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'], detached: true });
    child.stdin.on('error', () => {}); // it may close its stdin: nothing is ever written there
    try {
      await once(child, 'spawn');
    } catch (error) {
      throw new PluginError('internal', `assistant ${program} cannot be started: ${(error as Error).message}`, { cause: error });
    }
    this.#child = child;
    const startedMs = performance.now();
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => this.#log.info('assistant', { pid: child.pid, line }));
    }
    child.once('exit', (code, signal) => this.#ended(performance.now() - startedMs, code ?? signal));
    this.#log.info('assistant started', { pid: child.pid, command: this.#config.command });
  }

  /** SIGTERM, then after the configured time SIGKILL; resolves when it is gone. Ends a restart that is due, too. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#timer);
    const child = this.#child;
    if (!child) return;
    const gone = once(child, 'exit');
    this.#signal(child, 'SIGTERM');
    const timer = setTimeout(() => this.#signal(child, 'SIGKILL'), this.#config.stopTimeoutSeconds * 1000);
    await gone;
    clearTimeout(timer);
    this.#signal(child, 'SIGKILL'); // what it left behind in its group
  }

  #ended(ranMs: number, outcome: string | number | null): void {
    this.#child = undefined;
    if (this.#stopping) return;
    if (ranMs >= this.#config.maxBackoffMs) this.#backoffMs = this.#config.minBackoffMs;
    this.#log.warn('assistant ended, starting it again', { outcome, inMs: this.#backoffMs });
    this.#again();
  }

  #again(): void {
    this.#timer = setTimeout(() => {
      this.#restarts += 1;
      this.start().catch((error: unknown) => {
        this.#log.error('assistant not started', { error: (error as Error).message });
        if (!this.#stopping) this.#again();
      });
    }, this.#backoffMs);
    this.#backoffMs = Math.min(this.#backoffMs * 2, this.#config.maxBackoffMs);
  }

  #signal(child: ChildProcess, signal: NodeJS.Signals): void {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}
