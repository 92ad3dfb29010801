import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { internal } from '../errors/error.ts';

/** Static ones first: they run in any image. */
const names = ['docker-init', 'tini-static', 'catatonit', 'tini'];

/** The program that `--init` runs as process 1: the configured one, else the first of the usual names on PATH. Throws when there is none. */
export function findInit(configured: string): string {
  const folders = (process.env['PATH'] ?? '').split(':').filter(Boolean);
  const candidates = configured ? [configured] : names.flatMap((name) => folders.map((folder) => join(folder, name)));
  const found = candidates.find(isExecutable);
  if (found) return found;
  throw internal(`exec: "docker-init": executable file not found in $PATH: install the package tini, or set initPath`);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // not there is the answer
  }
}
