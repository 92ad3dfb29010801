import { spawnSync } from 'node:child_process';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decompress } from '../../../daemon/lib/decompress.ts';
import { rejects } from '../../helpers/rejects.ts';

const plain = Buffer.from('some text, again and again. '.repeat(20_000));

async function* inPieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes.subarray(0, 2);
  yield bytes.subarray(2, 3);
  for (let at = 3; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000);
}

async function all(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of source) parts.push(part);
  return Buffer.concat(parts);
}

test('gzip, zstd, xz, bzip2 and plain bytes come out as they went in', async () => {
  const packed: Record<string, Uint8Array> = {
    plain,
    gzip: gzipSync(plain),
    members: Buffer.concat([gzipSync(plain.subarray(0, 9)), gzipSync(plain.subarray(9))]),
    zstd: zstdCompressSync(plain),
  };
  for (const program of ['xz', 'bzip2']) {
    const made = spawnSync(program, ['-c'], { input: plain });
    if (!made.error) packed[program] = made.stdout; // an optional program, see decompress
  }
  for (const [name, bytes] of Object.entries(packed)) assert.ok((await all(decompress(inPieces(bytes)))).equals(plain), name);
  assert.is((await all(decompress(inPieces(Buffer.alloc(0))))).length, 0);
});

test('damaged and cut-off data is refused, and a failing source is told as it is', async () => {
  const packed = gzipSync(plain);
  await rejects(all(decompress(inPieces(packed.subarray(0, packed.length / 2)))), /the gzip data is damaged/);
  await rejects(
    all(decompress(inPieces(Buffer.concat([packed.subarray(0, 20), Buffer.alloc(50, 7)])))),
    /the gzip data is damaged/,
  );
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield packed.subarray(0, 100);
    throw new Error('the client left');
  }
  await rejects(all(decompress(failing())), /the client left/);
});

test.run();
