import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import {
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
} from '@grpc/grpc-js';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Channel, type WireMethod } from '../../../daemon/ctrd/channel.ts';
import { FrameReader, framePrefix } from '../../../daemon/ctrd/grpc-frame.ts';
import { poll } from '../../../daemon/lib/deadline.ts';
import { rejects } from '../../helpers/rejects.ts';

const same = (bytes: Buffer) => bytes;
const method = (name: string): WireMethod<Buffer, Buffer> => ({
  path: `/test.Service/${name}`,
  serialize: same,
  deserialize: same,
});
const timeoutMs = 20_000;
const empty = Buffer.alloc(0);

/** A gRPC server of the reference implementation with a few odd methods, and our channel to it. */
async function startPair() {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'pouchd-grpc-'));
  const socket = path.join(dir, 'grpc.sock');
  const server = new Server({ 'grpc.max_receive_message_length': -1 });
  const seen = { cancelled: 0, sent: 0 };
  const unary = (
    name: string,
    answer: (call: ServerUnaryCall<Buffer, Buffer>, reply: (error: object | null, value?: Buffer) => void) => void,
  ) => server.register<Buffer, Buffer>(`/test.Service/${name}`, answer, same, same, 'unary');
  unary('Echo', (call, reply) => reply(null, call.request));
  unary('Headers', (call, reply) => reply(null, Buffer.from(JSON.stringify(call.metadata.getMap()))));
  unary('Fail', (_call, reply) => reply({ code: 5, details: 'no such thing: „ö“ 100%' }));
  unary('Hang', (call) => call.on('cancelled', () => seen.cancelled++));
  const flood = (call: ServerWritableStream<Buffer, Buffer>) => {
    call.on('cancelled', () => seen.cancelled++);
    const more = () => {
      while (!call.cancelled && seen.sent < 5000) {
        seen.sent++;
        if (!call.write(Buffer.alloc(100_000))) return void call.once('drain', more);
      }
      call.end();
    };
    more();
  };
  server.register<Buffer, Buffer>('/test.Service/Flood', flood, same, same, 'serverStream');
  const mirror = (call: ServerDuplexStream<Buffer, Buffer>) => {
    call.on('data', (bytes) => call.write(bytes));
    call.on('end', () => call.emit('error', { code: 9, details: 'mirrored enough' }));
  };
  server.register<Buffer, Buffer>('/test.Service/Mirror', mirror, same, same, 'bidi');
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix:${socket}`, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve()));
  });
  const channel = new Channel({ socket, namespace: 'pouch' });
  return {
    channel,
    server,
    seen,
    [Symbol.dispose]() {
      channel.disconnect();
      server.forceShutdown();
      fs.rmSync(dir, { recursive: true, force: true });
    },
  };
}

test('a body is cut into its messages however the chunks fall', () => {
  const sent = [empty, Buffer.from('a'), Buffer.alloc(300, 'b'), Buffer.from('cc')];
  const body = Buffer.concat(sent.flatMap((one) => [framePrefix(one.length), one]));
  for (let size = 1; size <= body.length; size++) {
    const reader = new FrameReader();
    const got: Buffer[] = [];
    for (let at = 0; at < body.length; at += size) got.push(...reader.push(body.subarray(at, at + size)));
    assert.equal(got.map(String), sent.map(String), `chunks of ${size}`);
  }
  assert.throws(() => new FrameReader().push(Buffer.from([1, 0, 0, 0, 0])), /compressed/);
});

test('unary calls carry messages of any size, namespace and lease; failures keep their text', async () => {
  using pair = await startPair();
  const { channel } = pair;
  for (const size of [0, 1, 70_000, 5_000_000]) {
    const request = Buffer.alloc(size, 'x');
    assert.ok((await channel.unary(method('Echo'), request)).equals(request), `${size} bytes`);
  }
  const many = await Promise.all(
    Array.from({ length: 300 }, (_, index) => channel.unary(method('Echo'), Buffer.from(String(index)))),
  );
  assert.equal(
    many.map(String),
    many.map((_, index) => String(index)),
  );
  const headers = JSON.parse(String(await channel.unary(method('Headers'), empty, { lease: 'l', namespace: 'n' })));
  assert.equal([headers['containerd-namespace'], headers['containerd-lease']], ['n', 'l']);
  const failure = await rejects(channel.unary(method('Fail'), empty));
  assert.equal([failure.kind, failure.message], ['notFound', 'no such thing: „ö“ 100%']);
  assert.is((await rejects(channel.unary(method('Missing'), empty))).kind, 'notImplemented');
});

test('an abort and a timeout end a call at once and cancel it on the other side', async () => {
  using pair = await startPair();
  const { channel, seen } = pair;
  const leaving = new AbortController();
  const aborted = channel.unary(method('Hang'), empty, { signal: leaving.signal });
  await channel.unary(method('Echo'), empty); // sent after it, so it has arrived
  leaving.abort();
  assert.is((await rejects(aborted)).kind, 'cancelled');
  assert.is((await rejects(channel.unary(method('Hang'), empty, { timeoutMs: 30 }))).kind, 'deadlineExceeded');
  assert.is((await rejects(channel.unary(method('Hang'), empty, { signal: AbortSignal.timeout(30) }))).kind, 'deadlineExceeded');
  await poll('the cancellations', () => seen.cancelled >= 3, { timeoutMs });
});

test('a slow reader of a stream holds the sender back, and leaving the loop cancels it', async () => {
  using pair = await startPair();
  const { channel, seen } = pair;
  let got = 0;
  for await (const message of channel.serverStream(method('Flood'), empty)) {
    assert.is(message.length, 100_000);
    if (++got === 3) break;
    await channel.unary(method('Echo'), empty); // others are served meanwhile
  }
  await poll('the cancellation', () => seen.cancelled === 1, { timeoutMs });
  assert.ok(seen.sent < 500, `${seen.sent} messages were sent to somebody who read 3`);
});

test('a duplex call streams both ways and ends with its status', async () => {
  using pair = await startPair();
  const call = await pair.channel.duplex(method('Mirror'));
  for (const text of ['one', 'two']) await call.send(Buffer.from(text));
  const responses = call.responses[Symbol.asyncIterator]();
  assert.is(String((await responses.next()).value), 'one');
  assert.is(String((await responses.next()).value), 'two');
  call.end();
  const failure = await rejects(responses.next());
  assert.equal([failure.kind, failure.message], ['conflict', 'mirrored enough']);
  await call.send(empty); // after the end: goes nowhere, hangs nobody
  call.cancel();
});

test('a lost connection fails what is under way as unavailable, and the next call connects anew', async () => {
  using pair = await startPair();
  const { channel } = pair;
  const hanging = channel.unary(method('Hang'), empty);
  await channel.unary(method('Echo'), empty);
  channel.disconnect();
  assert.is((await rejects(hanging)).kind, 'unavailable');
  assert.is(String(await channel.unary(method('Echo'), Buffer.from('again'))), 'again');
  pair.server.forceShutdown();
  await poll(
    'the end of the server',
    () =>
      channel.unary(method('Echo'), empty).then(
        () => false,
        (error) => error.kind === 'unavailable',
      ),
    { timeoutMs },
  );
  const nowhere = new Channel({ socket: '/nonexistent/grpc.sock', namespace: 'pouch' });
  assert.is(
    (await rejects(nowhere.unary(method('Echo'), empty), 'cannot reach containerd at /nonexistent/grpc.sock')).kind,
    'unavailable',
  );
});

test('calls wait for the gate, and a gate that fails is the error of the call alone', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  let gate: Promise<void> | undefined = promise;
  const channel = new Channel({ socket: '/nonexistent', namespace: 'pouch', gate: () => gate });
  const waiting = channel.unary(method('Echo'), empty);
  const leaving = new AbortController();
  const aborted = rejects(channel.unary(method('Echo'), empty, { signal: leaving.signal }));
  setImmediate(() => leaving.abort());
  assert.is((await aborted).kind, 'cancelled');
  gate = undefined;
  resolve();
  await rejects(waiting, 'cannot reach');
  gate = Promise.reject(new Error('containerd has been stopped'));
  await rejects(channel.unary(method('Echo'), empty), 'containerd has been stopped');
});

test.run();
