import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

let counter = 0;

function temporaryName(path: string): string {
  counter += 1;
  return join(dirname(path), `.${basename(path)}.${process.pid}.${counter}.tmp`);
}

/** Replaces a file so that readers and a crash see the old or the new content, never a part; it survives power loss when this returns. */
export async function writeFileAtomic(
  path: string,
  content: string | Uint8Array,
  options: { mode?: number } = {},
): Promise<void> {
  const temporary = temporaryName(path);
  try {
    await using file = await open(temporary, 'wx', options.mode ?? 0o644);
    await file.writeFile(content);
    await file.sync();
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await using dir = await open(dirname(path), 'r');
  await dir.sync();
}

/** The same at once, without the directory's fsync: for small files on paths that must not yield. */
export function writeFileAtomicSync(path: string, content: string | Uint8Array, options: { mode?: number } = {}): void {
  const temporary = temporaryName(path);
  try {
    const fd = openSync(temporary, 'wx', options.mode ?? 0o644);
    try {
      const bytes = typeof content === 'string' ? Buffer.from(content) : content;
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}
