import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { conflict, internal } from '../errors/error.ts';

/** The right of one daemon to a root directory; it ends with the process, however that ends. */
export interface RootLock {
  release(): void;
}

/**
 * Takes the root directory for this process: a socket in the kernel's abstract namespace named after the directory's device and inode, which no crash leaves behind, and a pid
 * file for people. Throws conflict when another daemon has it. (The database is opened exclusively too, which also covers a daemon in another network namespace.)
 */
export async function lockRoot(root: string, state: string): Promise<RootLock> {
  mkdirSync(root, { recursive: true, mode: 0o711 });
  mkdirSync(state, { recursive: true, mode: 0o711 });
  const { dev, ino } = statSync(root);
  const pidFile = join(state, 'pouchd.pid');
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE') reject(internal(`cannot lock ${root}: ${error.message}`, error));
      else
        reject(
          conflict(
            `another pouchd${owner(pidFile)} uses the root directory ${root}; stop it or give another --root and --state`,
            error,
          ),
        );
    });
    server.listen({ path: `\0pouchd-${dev}-${ino}` }, resolve);
  });
  server.unref();
  writeFileSync(pidFile, `${process.pid}\n`);
  return {
    release() {
      server.close();
      if (owner(pidFile) === ` (pid ${process.pid})`) rmSync(pidFile, { force: true });
    },
  };
}

function owner(pidFile: string): string {
  try {
    return ` (pid ${readFileSync(pidFile, 'utf8').trim()})`;
  } catch {
    return ''; // started with another --state
  }
}
