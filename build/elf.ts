// Puts a resource into an ELF executable the way Node looks for it: a note named NODE_SEA_BLOB in a loaded segment, found by
// dl_iterate_phdr, and a switched fuse. Only what is needed for Node's own Linux binaries (64 bit, little endian, not position independent).
//
// What lies behind the last loaded byte (symbols, debug data, section headers) is cut off first: that is `strip`, without needing it.
// The program header table gets one more entry, a PT_LOAD for the note. The table stands right before .interp and the build-id note, so the
// entry overwrites them: the interpreter's name moves into the new segment, and the note's own header is pointed at ours.
// The result of prepareStub() is kept; appendNote() then is a copy of the file and one write at its end.

const magic = 0x464c457f;
const headerSize = 64;
const entrySize = 56;
const type = { load: 1, interp: 3, note: 4, phdr: 6 } as const;
const page = 0x10000; // the largest that arm64 kernels use
const noteName = Buffer.from('NODE_SEA_BLOB\0');
const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2:';

interface Segment {
  readonly at: number;
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly fileSize: number;
  readonly memorySize: number;
}

function segments(file: Buffer): Segment[] {
  if (file.readUInt32LE(0) !== magic || file[4] !== 2 || file[5] !== 1) throw new Error('not a 64-bit little-endian ELF file');
  const start = Number(file.readBigUInt64LE(32));
  const count = file.readUInt16LE(56);
  return Array.from({ length: count }, (_, index) => {
    const at = start + index * entrySize;
    const big = (offset: number): number => Number(file.readBigUInt64LE(at + offset));
    return { at, type: file.readUInt32LE(at), offset: big(8), address: big(16), fileSize: big(32), memorySize: big(40) };
  });
}

function align(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}

/** Cuts a Node binary to what is loaded and makes room for the note; the bytes depend on the binary alone. */
export function prepareStub(binary: Buffer): Buffer {
  const table = segments(binary);
  const loads = table.filter((one) => one.type === type.load);
  const last = loads.at(-1);
  const interp = table.find((one) => one.type === type.interp);
  const note = table.find((one) => one.type === type.note);
  const first = table[0];
  if (!last || !interp || !note || !first || first.at !== headerSize)
    throw new Error('an ELF file of an unexpected layout: not a Node binary from npm?');
  const tableEnd = headerSize + table.length * entrySize;
  const space = [interp, note].reduce((end, one) => (one.offset === align(end, 4) ? one.offset + one.fileSize : end), tableEnd);
  if (space - tableEnd < entrySize) throw new Error('no room for a program header before the first section');

  const loadedEnd = Math.max(...loads.map((one) => one.offset + one.fileSize));
  const offset = align(loadedEnd, page);
  const interpName = binary.subarray(interp.offset, interp.offset + interp.fileSize);
  const noteAt = align(interpName.length, 8);
  const stub = Buffer.alloc(offset + noteAt + noteHead(0).length);
  binary.copy(stub, 0, 0, loadedEnd);
  interpName.copy(stub, offset);
  noteHead(0).copy(stub, offset + noteAt);

  const memoryEnd = Math.max(...loads.map((one) => one.address + one.memorySize));
  const address = align(memoryEnd, page);
  // the new PT_LOAD stands right behind the last one, for loaded segments must come in the order of their addresses
  const behind = last.at + entrySize;
  stub.copyWithin(behind + entrySize, behind, tableEnd);
  writeSegment(stub, behind, type.load, offset, address, stub.length - offset, page);
  for (const one of segmentsAt(stub, table.length + 1)) {
    if (one.type === type.phdr) resize(stub, one.at, (table.length + 1) * entrySize);
    if (one.type === type.interp) writeSegment(stub, one.at, type.interp, offset, address, interpName.length, 1);
    if (one.type === type.note)
      writeSegment(stub, one.at, type.note, offset + noteAt, address + noteAt, stub.length - offset - noteAt, 4);
  }
  stub.writeUInt16LE(table.length + 1, 56);
  stub.writeBigUInt64LE(0n, 40); // no section headers
  stub.writeUInt16LE(0, 60);
  stub.writeUInt16LE(0, 62);
  const fuseAt = stub.indexOf(`${fuse}0`);
  if (fuseAt < 0) throw new Error('the binary has no fuse of Node for single executables');
  stub.write('1', fuseAt + fuse.length);
  return stub;
}

/** The patches that make a copy of the stub carry `blob`: where to write what. The last one is the end of the file. */
export function appendNote(stub: Buffer, blob: Buffer): { at: number; bytes: Buffer }[] {
  const loads = segments(stub).filter((one) => one.type === type.load);
  const ours = loads.at(-1);
  const note = segments(stub).find((one) => one.type === type.note);
  if (!ours || !note) throw new Error('not a stub of prepareStub()');
  const body = Buffer.concat([noteHead(blob.length), blob, Buffer.alloc((4 - (blob.length % 4)) % 4)]);
  const sizes = (size: number): Buffer => {
    const out = Buffer.alloc(16);
    out.writeBigUInt64LE(BigInt(size), 0);
    out.writeBigUInt64LE(BigInt(size), 8);
    return out;
  };
  return [
    { at: ours.at + 32, bytes: sizes(note.offset - ours.offset + body.length) },
    { at: note.at + 32, bytes: sizes(body.length) },
    { at: note.offset, bytes: body },
  ];
}

function segmentsAt(file: Buffer, count: number): Segment[] {
  const before = file.readUInt16LE(56);
  file.writeUInt16LE(count, 56);
  const out = segments(file);
  file.writeUInt16LE(before, 56);
  return out;
}

function noteHead(size: number): Buffer {
  const head = Buffer.alloc(12 + align(noteName.length, 4));
  head.writeUInt32LE(noteName.length, 0);
  head.writeUInt32LE(size, 4);
  noteName.copy(head, 12);
  return head;
}

function writeSegment(
  file: Buffer,
  at: number,
  kind: number,
  offset: number,
  address: number,
  size: number,
  alignment: number,
): void {
  file.writeUInt32LE(kind, at);
  file.writeUInt32LE(4, at + 4); // readable
  for (const [field, value] of [offset, address, address, size, size, alignment].entries())
    file.writeBigUInt64LE(BigInt(value), at + 8 + field * 8);
}

function resize(file: Buffer, at: number, size: number): void {
  file.writeBigUInt64LE(BigInt(size), at + 32);
  file.writeBigUInt64LE(BigInt(size), at + 40);
}
