import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { appendNote, prepareStub } from '../../../build/elf.ts';

const test = suite('a resource is put into an ELF file where Node looks for it');

const entry = 56;
const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2:0';

/** A small file of the layout of Node's binaries: PHDR, INTERP, two LOADs, NOTE, then .interp and the note, code, and symbols behind. */
function binary(): Buffer {
  const file = Buffer.alloc(0x3000, 0xcc);
  const table = 64;
  const count = 5;
  const interp = table + count * entry;
  const note = Math.ceil((interp + 28) / 4) * 4;
  const segment = (index: number, type: number, offset: number, size: number, memory = size): void => {
    const at = table + index * entry;
    file.fill(0, at, at + entry);
    file.writeUInt32LE(type, at);
    file.writeBigUInt64LE(BigInt(offset), at + 8);
    file.writeBigUInt64LE(BigInt(0x400000 + offset), at + 16);
    file.writeBigUInt64LE(BigInt(size), at + 32);
    file.writeBigUInt64LE(BigInt(memory), at + 40);
  };
  file.fill(0, 0, 64);
  file.write('\x7fELF\x02\x01\x01', 0, 'latin1');
  file.writeBigUInt64LE(64n, 32);
  file.writeBigUInt64LE(0x2800n, 40);
  file.writeUInt16LE(count, 56);
  file.writeUInt16LE(9, 60);
  segment(0, 6, table, count * entry);
  segment(1, 3, interp, 28);
  segment(2, 1, 0, 0x1000);
  segment(3, 1, 0x1000, 0x1234, 0x5000);
  segment(4, 4, note, 68);
  file.write('/lib64/ld-linux-x86-64.so.2\0', interp);
  file.write(fuse, 0x1800);
  return file;
}

interface Header {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

function headers(file: Buffer): Header[] {
  return Array.from({ length: file.readUInt16LE(56) }, (_, index) => {
    const at = 64 + index * entry;
    const big = (offset: number): number => Number(file.readBigUInt64LE(at + offset));
    return { type: file.readUInt32LE(at), offset: big(8), address: big(16), size: big(32) };
  });
}

test('the stub ends with the last loaded byte, one segment is new, and addresses rise', () => {
  const stub = prepareStub(binary());
  const loads = headers(stub).filter((one) => one.type === 1);
  assert.equal(
    loads.map((one) => one.address),
    [0x400000, 0x401000, 0x410000],
  );
  assert.is(loads[2]?.offset, 0x10000, 'on a page of its own');
  const interp = headers(stub).find((one) => one.type === 3);
  assert.is(stub.toString('latin1', interp?.offset, (interp?.offset ?? 0) + 27), '/lib64/ld-linux-x86-64.so.2');
  assert.ok(stub.includes(fuse.replace(/0$/, '1')), 'the fuse is switched');
  assert.is(stub.readBigUInt64LE(40), 0n, 'no section headers');
});

test('the note holds the resource whole, and its headers tell its size', () => {
  const stub = prepareStub(binary());
  for (const size of [0, 1, 4, 5001]) {
    const blob = Buffer.alloc(size, 'x');
    const file = Buffer.concat([stub, Buffer.alloc(size + 64)]);
    for (const { at, bytes } of appendNote(stub, blob)) bytes.copy(file, at);
    const note = headers(file).find((one) => one.type === 4);
    const at = note?.offset ?? 0;
    assert.is(file.toString('latin1', at + 12, at + 12 + 13), 'NODE_SEA_BLOB');
    assert.is(file.readUInt32LE(at + 4), size);
    assert.ok(file.subarray(at + 28, at + 28 + size).equals(blob));
    const load = headers(file).filter((one) => one.type === 1)[2];
    assert.is((load?.offset ?? 0) + (load?.size ?? 0), at + (note?.size ?? 0), 'the segment ends with the note');
  }
});

test('what is no Node binary is refused', () => {
  assert.throws(() => prepareStub(Buffer.alloc(100)), 'not a 64-bit little-endian ELF file');
  const noFuse = binary();
  noFuse.fill(0, 0x1800, 0x1900);
  assert.throws(() => prepareStub(noFuse), 'no fuse');
});

test.run();
