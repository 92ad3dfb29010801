import { closeSync, copyFileSync, fstatSync, openSync, readSync, renameSync, statSync, truncateSync } from 'node:fs';

const maxBytes = 8 * 1024 * 1024;

/** Opens containerd's log for its stdout and stderr: a file, because a pipe would kill containerd together with the daemon. A full one is moved to `.1`. */
export function openLogFile(path: string): number {
  if (sizeOf(path) > maxBytes) renameSync(path, `${path}.1`);
  return openSync(path, 'a', 0o640);
}

/** Rotates a log that is being appended to: its content moves to `.1`, what is written in between is lost. */
export function rotateLogFile(path: string): void {
  if (sizeOf(path) <= maxBytes) return;
  copyFileSync(path, `${path}.1`);
  truncateSync(path);
}

/** The last lines, to tell why containerd did not start. */
export function logTail(path: string, bytes = 2000): string {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return ''; // it never ran
  }
  try {
    const size = fstatSync(fd).size;
    const buffer = Buffer.alloc(Math.min(bytes, size));
    readSync(fd, buffer, 0, buffer.length, size - buffer.length);
    return buffer.toString('utf8').trim();
  } finally {
    closeSync(fd);
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
