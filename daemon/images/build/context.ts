import { createWriteStream } from 'node:fs';
import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { invalidArgument, isKind } from '../../errors/error.ts';
import { decompress, peek } from '../../lib/decompress.ts';
import { run } from '../../lib/process.ts';
import { resolveInRoot } from '../../lib/root-scope.ts';
import { fetchSource } from '../fetch-source.ts';
import type { BuildRequest } from './contract.ts';

/** Unpacks the context (an upload, or what a URL leads to: a tar, or a Dockerfile alone) into a new folder. GNU tar refuses names that lead out of its folder; all files belong to root, as the classic builder has it. */
export async function unpackContext(request: BuildRequest, dir: string): Promise<void> {
  await mkdir(dir, { mode: 0o700 });
  const source = request.remote ? await fetchSource(request.remote, request.signal) : request.context;
  const { head, whole } = await peek(source);
  if (request.remote && !/[\x00-\x08\x0e-\x1f]|\x1f\x8b|BZh|\xfd7zXZ/.test(head.toString('latin1')) && !isTarHead(head)) {
    await pipeline(whole, createWriteStream(join(dir, 'Dockerfile')));
    return;
  }
  const spool = `${dir}.tar`;
  await pipeline(decompress(whole), createWriteStream(spool, { mode: 0o600 }));
  if ((await stat(spool)).size > 0) {
    const args = [
      '--extract',
      '--file',
      spool,
      '--directory',
      dir,
      '--no-same-owner',
      '--same-permissions',
      '--delay-directory-restore',
    ];
    await run('tar', args, { signal: request.signal }).catch((error: unknown) => {
      if (isKind(error, 'internal')) throw invalidArgument('Error processing tar file: unexpected EOF', error); // of tar's words the log has all
      throw error;
    });
  }
  await rm(spool, { force: true });
}

function isTarHead(head: Buffer): boolean {
  return head.subarray(257, 262).toString('latin1') === 'ustar';
}

/** The Dockerfile's path on the host; no link leads out of the context. Throws invalidArgument with Docker's text when it is missing. */
export async function dockerfileIn(context: string, name: string): Promise<string> {
  const path = await resolveInRoot(context, name);
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) throw invalidArgument(`Cannot locate specified Dockerfile: ${name}`);
  return path;
}
