import { createHash, randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { credentials, Metadata, Client as RawClient, type ServiceError } from '@grpc/grpc-js';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createContainerdClient } from '../../daemon/ctrd/client.ts';
import type { ContainerdClient } from '../../daemon/ctrd/contract.ts';
import type { GrpcService } from '../../daemon/grpc/contract.ts';
import { poll } from '../../daemon/lib/deadline.ts';
import { types } from '../../hookplugins/registry.ts';
import { startContainerd } from '../helpers/containerd.ts';
import { startGrpc, type TestGrpc } from '../helpers/grpc.ts';
import { rejects } from '../helpers/rejects.ts';

const timeoutMs = 30_000;

/** The daemon's own client, this time before the endpoint. */
function clientOf(grpc: TestGrpc, namespace = 'pouch'): ContainerdClient & Disposable {
  const client = createContainerdClient({ socket: grpc.socket, namespace });
  return { ...client, [Symbol.dispose]: () => client.disconnect() };
}

test('large blobs stream both ways through the endpoint, and errors come as containerd sent them', async () => {
  await using ctrd = await startContainerd();
  await using grpc = await startGrpc(ctrd);
  using client = clientOf(grpc);
  const data = randomBytes(24 * 1024 * 1024);
  const digest = `sha256:${createHash('sha256').update(data).digest('hex')}`;
  await client.withLease(async (lease) => {
    const source = (async function* () {
      for (let at = 0; at < data.length; at += 300_000) yield data.subarray(at, at + 300_000);
    })();
    const written = await client.writeBlob('blob', { expectedDigest: digest, expectedSize: data.length, lease }, source);
    assert.is(written.existed, false);
    assert.ok(Buffer.concat(await Array.fromAsync(client.readBlob(digest))).equals(data));
  });
  const through = await rejects(client.containers.get({ id: 'nobody' }));
  const direct = await rejects(ctrd.client.containers.get({ id: 'nobody' }));
  assert.equal([through.kind, through.message], [direct.kind, direct.message]);
  assert.is((await rejects(client.version.version({}, { timeoutMs: 0 }))).kind, 'deadlineExceeded');
});

test('a client that leaves in the middle of a write frees the ref in containerd', async () => {
  await using ctrd = await startContainerd();
  await using grpc = await startGrpc(ctrd);
  using client = clientOf(grpc);
  const leaving = new AbortController();
  const stuck = async function* () {
    yield Buffer.alloc(1000);
    await new Promise((resolve) => leaving.signal.addEventListener('abort', resolve));
    yield Buffer.alloc(1);
  };
  const write = client.writeBlob('ref', { signal: leaving.signal }, stuck());
  await poll('the write in containerd', async () => (await ctrd.client.content.listStatuses({})).statuses[0]?.offset === 1000, {
    timeoutMs,
  });
  leaving.abort();
  assert.is((await rejects(write)).kind, 'cancelled');
  const again = await ctrd.client.writeBlob('ref', { signal: AbortSignal.timeout(timeoutMs) }, (async function* () {})());
  assert.is(again.size, 0);
});

test('calls go on after containerd was restarted', async () => {
  await using ctrd = await startContainerd();
  await using grpc = await startGrpc(ctrd);
  using client = clientOf(grpc);
  await client.version.version({});
  const back = new Promise<void>((resolve) => ctrd.supervisor.onReconnect(resolve));
  process.kill(ctrd.supervisor.pid ?? 0, 'SIGKILL');
  await back;
  assert.ok((await client.version.version({})).version);
});

test('a namespace policy shows and allows the named namespaces only, in headers, messages and events', async () => {
  await using ctrd = await startContainerd();
  await using grpc = await startGrpc(ctrd, { namespaces: ['pouch', 'team'] });
  using client = clientOf(grpc);
  for (const namespace of ['team', 'secret']) await ctrd.client.leases.create({ id: `in-${namespace}` }, { namespace });
  const own = await client.leases.list({}, { namespace: 'team' });
  assert.equal(
    own.leases.map((one) => one.id),
    ['in-team'],
  );
  const refusals = [
    client.leases.list({}, { namespace: 'secret' }),
    client.containers.list({}, { namespace: 'secret' }),
    client.namespaces.get({ name: 'secret' }),
    client.namespaces.create({ namespace: { name: 'secret' } }),
    client.namespaces.delete({ name: 'secret' }),
    client.events.forward({ envelope: { namespace: 'secret', topic: '/x' } }),
  ];
  for (const refused of refusals) assert.is((await rejects(refused, 'namespace secret is not offered here')).kind, 'forbidden');
  const { namespaces } = await client.namespaces.list({});
  assert.equal(
    namespaces.map((one) => one.name),
    ['team'],
  );

  const leaving = new AbortController();
  const seen: string[] = [];
  const follow = (async () => {
    for await (const { namespace } of client.events.subscribe({}, { signal: leaving.signal })) seen.push(namespace);
  })();
  follow.catch(() => {}); // ends with our abort, awaited below
  let round = 0;
  await poll(
    'an event of ours',
    async () => {
      const digest = `sha256:${'0'.repeat(63)}${round % 10}`;
      const image = { name: `image-${round++}`, target: { mediaType: 'x', digest, size: 1 } };
      await ctrd.client.images.create({ image }, { namespace: 'secret' });
      await ctrd.client.images.create({ image }, { namespace: 'team' });
      return seen.includes('team');
    },
    { timeoutMs },
  );
  leaving.abort();
  await rejects(follow);
  assert.not.ok(seen.includes('secret'));
});

test('a call that names no namespace acts in the default one', async () => {
  await using ctrd = await startContainerd({ namespace: 'fallback' });
  await using grpc = await startGrpc(ctrd);
  const client = new RawClient(`unix:${grpc.socket}`, credentials.createInsecure());
  const same = (bytes: Buffer) => bytes;
  const request = Buffer.from('0a060a046d696e65', 'hex'); // CreateRequest{…}: a lease with an id and no header
  await new Promise<void>((resolve, reject) => {
    const done = (error: ServiceError | null) => (error ? reject(error) : resolve());
    client.makeUnaryRequest(
      '/containerd.services.leases.v1.Leases/Create',
      same,
      same,
      request.subarray(2),
      new Metadata(),
      done,
    );
  });
  client.close();
  assert.equal(
    (await ctrd.client.leases.list({}, { namespace: 'fallback' })).leases.map((one) => one.id),
    ['mine'],
  );
});

test('plugins add services of their own', async () => {
  await using ctrd = await startContainerd();
  const service: GrpcService = {
    register(server) {
      const upper = (bytes: Buffer) => Buffer.from(bytes.toString().toUpperCase());
      const same = (bytes: Buffer) => bytes;
      server.register<Buffer, Buffer>(
        '/example.Shout/Shout',
        (call: { request: Buffer }, reply: (e: null, v: Buffer) => void) => reply(null, upper(call.request)),
        same,
        same,
        'unary',
      );
    },
  };
  await using grpc = await startGrpc(ctrd, {}, [{ type: types.grpc, id: 'shout', initFn: () => service }]);
  assert.is(await shout(`unix:${grpc.socket}`, credentials.createInsecure()), 'HELLO');
});

test('tcp wants certificates on both sides; without any it stays on this machine', async () => {
  await using ctrd = await startContainerd();
  const file = (name: string) => path.join(import.meta.dirname, '../fixtures/grpc-tls', name);
  const tls = { caFile: file('ca.pem'), certFile: file('server.pem'), keyFile: file('server.key') };
  const read = (name: string) => fs.readFileSync(file(name));
  {
    await using grpc = await startGrpc(ctrd, { hosts: ['tcp://127.0.0.1:0'], tls });
    const target = grpc.addresses[0]?.replace('tcp://', '') ?? '';
    const version = (name: string | undefined) =>
      getVersion(
        target,
        credentials.createSsl(read('ca.pem'), name ? read(`${name}.key`) : null, name ? read(`${name}.pem`) : null),
      );
    assert.ok((await version('client')).length > 0);
    await rejects(version('stranger'), 'UNAVAILABLE');
    await rejects(version(undefined), 'UNAVAILABLE');
    await rejects(getVersion(target, credentials.createInsecure()), 'UNAVAILABLE');
  }
  await rejects(startGrpc(ctrd, { hosts: ['tcp://0.0.0.0:0'] }), 'has no TLS');
  await rejects(startGrpc(ctrd, { hosts: ['tcp://127.0.0.1:0'], tls: { ...tls, caFile: '' } }), 'must show a certificate');
});

const getVersion = (target: string, secure: ReturnType<typeof credentials.createInsecure>) =>
  call(target, secure, '/containerd.services.version.v1.Version/Version', Buffer.alloc(0));
const shout = (target: string, secure: ReturnType<typeof credentials.createInsecure>) =>
  call(target, secure, '/example.Shout/Shout', Buffer.from('hello'));

async function call(
  target: string,
  secure: ReturnType<typeof credentials.createInsecure>,
  method: string,
  request: Buffer,
): Promise<string> {
  const client = new RawClient(target, secure, { 'grpc.enable_http_proxy': 0, 'grpc.ssl_target_name_override': 'localhost' });
  const same = (bytes: Buffer) => bytes;
  try {
    return await new Promise<string>((resolve, reject) => {
      const done = (error: ServiceError | null, value?: Buffer) => (error ? reject(error) : resolve(String(value)));
      client.makeUnaryRequest(method, same, same, request, new Metadata(), { deadline: Date.now() + timeoutMs }, done);
    });
  } finally {
    client.close();
  }
}

test.run();
