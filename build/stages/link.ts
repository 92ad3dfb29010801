// Makes the executable: a copy of the prepared Node (kept once per Node binary) with the loader, the bundle and its code cache behind it.
// The bytes depend on the inputs alone. The result is a candidate beside the final place; smoke decides whether it gets there.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { cached, hashFiles, hashOf } from '../content-cache.ts';
import { type BuildContext, treeRoot } from '../context.ts';
import { appendNote, prepareStub } from '../elf.ts';
import type { ResolvedPlugin } from '../plugin.ts';
import { buildInfo, runtimeFlags } from '../runtime.ts';
import type { Bundle } from './bundle.ts';
import type { Warm } from './warm.ts';

/** Writes the candidate executable and returns its path. */
export async function link(
  ctx: BuildContext,
  plugins: readonly ResolvedPlugin[],
  bundled: Bundle,
  warmed: Warm,
): Promise<string> {
  const stub = await stubFile(ctx);
  const blob = seaBlob(plugins, warmed);
  mkdirSync(ctx.distDir, { recursive: true });
  const candidate = path.join(ctx.distDir, `.pouchd.${process.pid}`);
  copyFileSync(stub, candidate, constants.COPYFILE_FICLONE);
  const file = openSync(candidate, 'r+');
  try {
    for (const { at, bytes } of appendNote(readHead(stub), blob)) writeSync(file, bytes, 0, bytes.length, at);
    const tail = tailOf(bundled, warmed);
    writeSync(file, tail, 0, tail.length, fstatSync(file).size);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  chmodSync(candidate, 0o755);
  return candidate;
}

async function stubFile(ctx: BuildContext): Promise<string> {
  const { size, mtimeMs } = statSync(ctx.node);
  const key = hashOf(
    ctx.node,
    process.version,
    ctx.arch,
    String(size),
    String(mtimeMs),
    hashFiles([path.join(treeRoot, 'build/elf.ts')]),
  );
  const { dir } = await cached(ctx.cacheDir, 'stub', key, (draft) =>
    writeFileSync(path.join(draft, 'node'), prepareStub(readFileSync(ctx.node))),
  );
  return path.join(dir, 'node');
}

/** The headers of the stub: all that appendNote reads. */
function readHead(stub: string): Buffer {
  const file = openSync(stub, 'r');
  try {
    const head = Buffer.alloc(4096);
    readSync(file, head, 0, head.length, 0);
    return head;
  } finally {
    closeSync(file);
  }
}

/**
 * The bundle, its code cache and their sizes, which the loader reads from the end of the file: not as assets, because those are mapped, and every byte of them would stay
 * in the daemon's resident memory.
 */
function tailOf(bundled: Bundle, warmed: Warm): Buffer {
  const source = readFileSync(bundled.file);
  const cache = warmed.cache ? readFileSync(warmed.cache) : Buffer.alloc(0);
  const sizes = Buffer.alloc(8);
  sizes.writeUInt32LE(source.length, 0);
  sizes.writeUInt32LE(cache.length, 4);
  return Buffer.concat([source, cache, sizes]);
}

/** Node's own format of loader and assets. It is made from fixed relative names, for the blob keeps the name of the main module. */
function seaBlob(plugins: readonly ResolvedPlugin[], warmed: Warm): Buffer {
  const dir = mkdtempSync(path.join(tmpdir(), 'pouchd-blob-'));
  try {
    copyFileSync(path.join(treeRoot, 'build/loader.cjs'), path.join(dir, 'loader.cjs'));
    writeFileSync(path.join(dir, 'info.json'), JSON.stringify(buildInfo(plugins, warmed.cache !== undefined)));
    const config = {
      main: 'loader.cjs',
      output: 'blob',
      disableExperimentalSEAWarning: true,
      useCodeCache: false,
      useSnapshot: false,
      execArgv: runtimeFlags,
      execArgvExtension: 'none',
      assets: { 'info.json': 'info.json' },
    };
    writeFileSync(path.join(dir, 'sea.json'), JSON.stringify(config));
    execFileSync(process.execPath, ['--experimental-sea-config', 'sea.json'], { cwd: dir, stdio: 'pipe', env: {} });
    return readFileSync(path.join(dir, 'blob'));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
