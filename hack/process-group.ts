import { spawn } from 'node:child_process';
import type { FileRun } from './test-result.ts';

/** How to run a process group: its folder, environment and time limit. */
export interface GroupOptions {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly timeoutMs: number;
}

/** Keeps this much of a process's output, the end of it; a file that prints without end must not fill the memory. */
const keepBytes = 4 << 20;

/**
 * Runs a command as the leader of a process group and collects both outputs in the order they came. At the time limit the whole group
 * gets SIGKILL; when the leader ends, what is left of its group is killed too, so that a leaked child does not hold the runner up.
 */
export function runGroup(command: string, args: readonly string[], options: GroupOptions): Promise<FileRun> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: options.cwd, env: options.env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    let chunks: Buffer[] = [];
    let size = 0;
    let timedOut = false;
    const collect = (chunk: Buffer): void => {
      chunks.push(chunk);
      size += chunk.length;
      if (size > 2 * keepBytes) {
        chunks = [Buffer.concat(chunks).subarray(-keepBytes)];
        size = keepBytes;
      }
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    const timer = setTimeout(() => {
      timedOut = true;
      killGroup(child.pid);
    }, options.timeoutMs);
    const stop = (): void => {
      killGroup(child.pid);
      process.exit(130);
    };
    process.once('SIGINT', stop).once('SIGTERM', stop);
    const finish = (code: number | null, signal: string | null): void => {
      clearTimeout(timer);
      process.off('SIGINT', stop).off('SIGTERM', stop);
      resolve({ output: Buffer.concat(chunks).toString(), code, signal, timedOut });
    };
    child.once('error', (error) => {
      chunks.push(Buffer.from(`${error.message}\n`));
      finish(1, null);
    });
    child.once('exit', (code, signal) => {
      killGroup(child.pid);
      // A process that left the group may hold the pipes open; what it prints later belongs to nobody.
      const grace = setTimeout(() => {
        child.stdout.destroy();
        child.stderr.destroy();
      }, 2000);
      child.once('close', () => {
        clearTimeout(grace);
        finish(code, signal);
      });
    });
  });
}

function killGroup(pid: number | undefined): void {
  if (!pid) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
