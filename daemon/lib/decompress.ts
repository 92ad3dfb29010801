import { spawn } from 'node:child_process';
import type { Readable, Transform } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { invalidArgument } from '../errors/error.ts';

/** How bytes are packed. */
export type Compression = 'none' | 'gzip' | 'zstd' | 'bzip2' | 'xz';

/** What the first bytes (six are enough) say about the packing. */
export function sniffCompression(head: Uint8Array): Compression {
  const starts = (...bytes: number[]) => bytes.every((byte, index) => head[index] === byte);
  if (starts(0x1f, 0x8b, 0x08)) return 'gzip';
  if (starts(0x28, 0xb5, 0x2f, 0xfd)) return 'zstd';
  if (starts(0x42, 0x5a, 0x68)) return 'bzip2';
  if (starts(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00)) return 'xz';
  return 'none';
}

/** Splits a stream into its first bytes (six, or all when there are fewer) and the whole of it again. */
export async function peek(source: AsyncIterable<Uint8Array>): Promise<{ head: Buffer; whole: AsyncIterable<Uint8Array> }> {
  const iterator = source[Symbol.asyncIterator]();
  const chunks: Uint8Array[] = [];
  let size = 0;
  while (size < 6) {
    const { value, done } = await iterator.next();
    if (done) break;
    chunks.push(value);
    size += value.length;
  }
  const head = Buffer.concat(chunks);
  async function* whole(): AsyncGenerator<Uint8Array> {
    try {
      yield head;
      for (;;) {
        const { value, done } = await iterator.next();
        if (done) return;
        yield value;
      }
    } finally {
      await iterator.return?.();
    }
  }
  return { head, whole: whole() };
}

/**
 * The plain bytes of a stream that may be packed with gzip, zstd, bzip2 or xz (the last two by the programs of that name; invalidArgument names a program that is
 * missing). A stream that ends in the middle throws invalidArgument.
 */
export async function* decompress(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { head, whole } = await peek(source);
  const compression = sniffCompression(head);
  if (compression === 'none') return yield* whole;
  const unpacker = unpackerOf(compression);
  const feeding = feed(whole, unpacker.input).catch((error: unknown) => {
    unpacker.output.destroy(error instanceof Error ? error : new Error(String(error)));
  });
  try {
    yield* unpacker.output;
    await unpacker.ended;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE') await unpacker.ended;
    if (error instanceof Error && 'code' in error && /^(Z_|ZSTD|ERR_ZLIB|ERR_ZSTD)/.test(String(error.code))) {
      throw invalidArgument(`the ${compression} data is damaged: ${error.message}`, error);
    }
    throw error;
  } finally {
    unpacker.stop();
    await feeding;
  }
}

interface Unpacker {
  input: NodeJS.WritableStream & { destroyed?: boolean };
  output: Readable;
  ended: Promise<void>;
  stop(): void;
}

function unpackerOf(compression: Exclude<Compression, 'none'>): Unpacker {
  if (compression === 'gzip' || compression === 'zstd') {
    const stream: Transform = compression === 'gzip' ? createGunzip() : createZstdDecompress();
    return { input: stream, output: stream, ended: Promise.resolve(), stop: () => void stream.destroy() };
  }
  const child = spawn(compression, ['-dc'], { stdio: ['pipe', 'pipe', 'pipe'] });
  let words = '';
  child.stderr.on('data', (chunk: Buffer) => {
    words = (words + chunk.toString()).slice(-500);
  });
  child.stdin.on('error', () => undefined); // its exit code tells
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', (error) => {
      child.stdout.destroy();
      reject(invalidArgument(`cannot unpack ${compression} data: the program ${compression} is not installed`, error));
    });
    child.once('close', (code) =>
      code === 0 ? resolve() : reject(invalidArgument(`the ${compression} data is damaged: ${words.trim()}`)),
    );
  });
  ended.catch(() => undefined); // awaited after the output's end
  return { input: child.stdin, output: child.stdout, ended, stop: () => void child.kill('SIGKILL') };
}

async function feed(source: AsyncIterable<Uint8Array>, input: Unpacker['input']): Promise<void> {
  for await (const chunk of source) {
    if (input.destroyed) return;
    if (input.write(chunk)) continue;
    await new Promise<void>((resolve) => {
      const go = () => {
        input.off('drain', go);
        input.off('close', go);
        resolve();
      };
      input.on('drain', go);
      input.on('close', go);
    });
  }
  if (!input.destroyed) input.end();
}
