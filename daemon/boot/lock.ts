import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { conflict, internal, messageOf } from '../errors/error.ts';

/** The right of one daemon to a root directory; it ends with the process, however that ends. */
export interface RootLock {
  release(): void;
}

/**
 * Takes the root directory for this process, and writes a pid file for people. Throws conflict when another daemon has it. Node has no flock: an open exclusive transaction
 * of SQLite on a file of its own is a lock that the kernel takes back when the process ends.
 */
export function lockRoot(root: string, state: string): RootLock {
  mkdirSync(root, { recursive: true, mode: 0o711 });
  mkdirSync(state, { recursive: true, mode: 0o711 });
  const pidFile = join(state, 'pouchd.pid');
  const file = join(root, 'pouchd.lock');
  const lock = new DatabaseSync(file);
  try {
    lock.exec('PRAGMA journal_mode = OFF; BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    if (!/locked|busy/i.test(messageOf(error))) throw internal(`cannot lock ${file}: ${messageOf(error)}`, error);
    throw conflict(
      `another pouchd${owner(pidFile)} uses the root directory ${root}; stop it or give another --root and --state`,
      error,
    );
  }
  writeFileSync(pidFile, `${process.pid}\n`);
  return {
    release() {
      if (owner(pidFile) === ` (pid ${process.pid})`) rmSync(pidFile, { force: true });
      lock.close();
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
