import { createHash, randomBytes, randomUUID } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { packJson } from '../../daemon/ctrd/any.ts';
import type { ContainerdClient } from '../../daemon/ctrd/contract.ts';
import { unpackMetrics } from '../../daemon/ctrd/metrics.ts';
import type { TaskEvent } from '../../daemon/ctrd/task-event.ts';
import { poll } from '../../daemon/lib/deadline.ts';
import { startContainerd, type TestContainerd } from '../helpers/containerd.ts';
import { rejects } from '../helpers/rejects.ts';

const digestOf = (data: Uint8Array) => `sha256:${createHash('sha256').update(data).digest('hex')}`;

async function* slices(data: Buffer, offset = 0): AsyncGenerator<Buffer> {
  for (let at = offset; at < data.length; at += 100_000) yield data.subarray(at, at + 100_000);
}

async function read(client: ContainerdClient, digest: string, range?: { offset?: number; size?: number }): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(client.readBlob(digest, range)));
}

test('a blob is written once, read back in ranges, and labelled again when it is there already', async () => {
  await using ctrd = await startContainerd();
  const { client } = ctrd;
  const data = randomBytes(9 * 1024 * 1024 + 3);
  const digest = digestOf(data);
  await client.withLease(async (lease) => {
    const progress: number[] = [];
    const options = { expectedDigest: digest, expectedSize: data.length, lease, labels: { first: '1' } };
    const written = await client.writeBlob('one', { ...options, onProgress: (offset) => progress.push(offset) }, slices(data));
    assert.equal(written, { digest, size: data.length, existed: false });
    assert.is(progress.at(-1), data.length);
    assert.ok((await read(client, digest)).equals(data));
    assert.ok((await read(client, digest, { offset: 4_000_000, size: 1000 })).equals(data.subarray(4_000_000, 4_001_000)));

    const never = (async function* (): AsyncGenerator<Buffer> {
      yield await Promise.reject(new Error('read although the blob exists'));
    })();
    const again = await client.writeBlob('two', { ...options, labels: { second: '2' } }, never);
    assert.equal(again, { digest, size: data.length, existed: true });
    const { info } = await client.content.info({ digest });
    assert.equal(info?.labels, { first: '1', second: '2' });
    const unnamed = await client.writeBlob('three', { lease }, slices(Buffer.from('{"a":1}')));
    assert.equal(await client.readJson(unnamed.digest), { a: 1 });
  });
});

test('an interrupted write goes on where it stopped, and a wrong digest is refused', async () => {
  await using ctrd = await startContainerd();
  const { client } = ctrd;
  const data = randomBytes(6_000_000);
  const options = { expectedDigest: digestOf(data), expectedSize: data.length };
  await client.withLease(async (lease) => {
    const broken = async function* (offset: number) {
      yield* slices(data.subarray(0, 5_000_000), offset);
      throw new Error('the network is down');
    };
    await rejects(client.writeBlob('layer', { ...options, lease }, broken), 'the network is down');
    let resumed = 0;
    const written = await client.writeBlob('layer', { ...options, lease }, (offset) => {
      resumed = offset;
      return slices(data, offset);
    });
    assert.equal(written, { digest: options.expectedDigest, size: data.length, existed: false });
    assert.ok(resumed > 0 && resumed <= 5_000_000, `resumed at ${resumed}`);
    assert.ok((await read(client, options.expectedDigest)).equals(data));

    const wrong = { expectedDigest: digestOf(Buffer.from('another')), lease };
    const error = await rejects(client.writeBlob('wrong', wrong, slices(Buffer.from('one'))), 'unexpected commit digest');
    assert.is(error.kind, 'conflict');
  });
});

test('a second writer of a ref waits for the first one', async () => {
  await using ctrd = await startContainerd();
  const { client } = ctrd;
  const data = randomBytes(500_000);
  const options = { expectedDigest: digestOf(data), expectedSize: data.length };
  await client.withLease(async (lease) => {
    const hold = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    const slow = async function* () {
      yield data.subarray(0, 1000);
      held.resolve();
      await hold.promise;
      yield data.subarray(1000);
    };
    const first = client.writeBlob('same', { ...options, lease }, slow());
    await held.promise;
    const second = client.writeBlob('same', { ...options, lease }, slices(data));
    await rejects(client.writeBlob('same', { ...options, signal: AbortSignal.timeout(50) }, slices(data)));
    hold.resolve();
    assert.is((await first).existed, false);
    assert.is((await second).existed, true);
  });
});

test('snapshots are prepared, listed, committed and removed', async () => {
  await using ctrd = await startContainerd();
  const { snapshots } = ctrd.client;
  const snapshotter = 'native'; // needs no kernel support
  await ctrd.client.withLease(async (lease) => {
    const { mounts } = await snapshots.prepare({ snapshotter, key: 'work' }, { lease });
    assert.is(mounts[0]?.type, 'bind');
    fs.writeFileSync(path.join(mounts[0]?.source ?? '', 'file'), 'content');
    await snapshots.commit({ snapshotter, key: 'work', name: 'base' }, { lease });
    const view = await snapshots.view({ snapshotter, key: 'look', parent: 'base' }, { lease });
    assert.is(fs.readFileSync(path.join(view.mounts[0]?.source ?? '', 'file'), 'utf8'), 'content');
    const names: string[] = [];
    for await (const { info } of snapshots.list({ snapshotter })) names.push(...info.map((one) => `${one.name}<-${one.parent}`));
    assert.equal(names.sort(), ['base<-', 'look<-base']);
    await snapshots.remove({ snapshotter, key: 'look' });
    await snapshots.remove({ snapshotter, key: 'base' });
    const error = await rejects(snapshots.stat({ snapshotter, key: 'base' }), 'snapshot base does not exist');
    assert.is(error.kind, 'notFound');
  });
});

test('each client sees its own namespace, and a call can name another', async () => {
  await using ctrd = await startContainerd({ namespace: 'mine' });
  const { client } = ctrd;
  await client.images.create({ image: { name: 'a', target: { mediaType: 'x', digest: digestOf(Buffer.from('a')), size: 1 } } });
  assert.is((await client.images.list({})).images.length, 1);
  assert.is((await client.images.list({}, { namespace: 'other' })).images.length, 0);
  const { namespaces } = await client.namespaces.list({});
  assert.ok(namespaces.some((one) => one.name === 'mine'));
});

test('errors carry the kind and the text of containerd; aborted calls say why', async () => {
  await using ctrd = await startContainerd();
  const { client } = ctrd;
  const missing = await rejects(client.containers.get({ id: 'nobody' }), 'container "nobody" in namespace "pouch": not found');
  assert.is(missing.kind, 'notFound');
  const early = await rejects(client.version.version({}, { signal: AbortSignal.abort() }));
  assert.is(early.kind, 'cancelled');
  const late = await rejects(client.version.version({}, { timeoutMs: 0 }));
  assert.is(late.kind, 'deadlineExceeded');
  const leaving = new AbortController();
  const subscription = client.events.subscribe({}, { signal: leaving.signal })[Symbol.asyncIterator]();
  const first = subscription.next();
  await client.version.version({});
  leaving.abort();
  assert.is((await rejects(first)).kind, 'cancelled');
});

test('proxy plugins and stream processors are configured into our own containerd', async () => {
  await using far = await startContainerd();
  const accepts = ['application/vnd.example.layer.tar+squeezed'];
  await using ctrd = await startContainerd({
    proxyPlugins: { far: { type: 'snapshot', address: far.supervisor.socket } },
    streamProcessors: {
      unsqueeze: { accepts, returns: 'application/vnd.oci.image.layer.v1.tar', path: '/bin/busybox', args: ['gunzip', '-c'] },
    },
  });
  const { client } = ctrd;
  const { plugins } = await client.introspection.plugins({ filters: ['id==far'] });
  assert.equal(
    plugins.map((one) => `${one.type} ${one.initErr?.message ?? 'ok'}`),
    ['io.containerd.snapshotter.v1 ok'],
  );
  // The other containerd is asked: it is the one that has no snapshotter of that name.
  await rejects(client.snapshots.prepare({ snapshotter: 'far', key: 'k' }), 'snapshotter not loaded: far');

  await client.withLease(async (lease) => {
    const tar = pack();
    tar.entry({ name: 'greeting' }, 'hello');
    tar.finalize();
    const squeezed = gzipSync(await buffer(tar));
    const { digest } = await client.writeBlob('layer', { lease }, slices(squeezed));
    const { mounts } = await client.snapshots.prepare({ snapshotter: 'native', key: 'k' }, { lease });
    await client.diff.apply({ diff: { mediaType: accepts[0], digest, size: squeezed.length }, mounts }, { lease });
    assert.is(fs.readFileSync(path.join(mounts[0]?.source ?? '', 'greeting'), 'utf8'), 'hello');
  });
});

test('a container runs on runc and every step arrives as a decoded task event', async () => {
  await using ctrd = await startContainerd();
  const { client } = ctrd;
  const events: TaskEvent[] = [];
  ctrd.events.listen((event) => events.push(event));
  await ctrd.events.ready();
  await using container = await createContainer(ctrd, ['/bin/busybox', 'sleep', '1000']);
  const { id } = container;
  const { pid } = await client.tasks.start({ containerId: id });
  const { metrics } = await client.tasks.metrics({ filters: [`id==${id}`] });
  const data = metrics[0]?.data;
  assert.ok(data);
  const { metrics: decoded } = unpackMetrics(data);
  assert.ok((decoded.pids?.current ?? 0n) > 0n);
  await client.tasks.kill({ containerId: id, signal: 9 });
  const { exitStatus } = await client.tasks.wait({ containerId: id });
  assert.is(exitStatus, 137);
  await client.tasks.delete({ containerId: id });
  await poll('the delete event', () => events.some((one) => one.type === 'delete'), { timeoutMs: 30_000 });
  assert.equal(
    events.map((one) => one.type),
    ['create', 'start', 'exit', 'delete'],
  );
  const exit = events.find((one) => one.type === 'exit');
  assert.ok(exit?.type === 'exit');
  assert.equal([exit.containerId, exit.id, exit.pid, exit.exitStatus], [id, id, pid, 137]);
  assert.ok(exit.exitedAt.seconds > 1e9);
});

/** A container of busybox with a created task, made of nothing but client calls. */
async function createContainer({ client }: TestContainerd, args: string[]): Promise<{ id: string } & AsyncDisposable> {
  const id = randomUUID();
  // The lease keeps the snapshot until the container refers to it.
  await client.withLease(async (lease) => {
    const { mounts } = await client.snapshots.prepare({ snapshotter: 'native', key: id }, { lease });
    const rootfs = mounts[0]?.source ?? '';
    for (const dir of ['bin', 'proc']) fs.mkdirSync(path.join(rootfs, dir));
    fs.copyFileSync('/bin/busybox', path.join(rootfs, 'bin/busybox'));
    const spec = packJson('ociSpec', {
      ociVersion: '1.0.2',
      process: { args, cwd: '/', env: [], user: { uid: 0, gid: 0 } },
      root: { path: 'rootfs' },
      mounts: [{ destination: '/proc', type: 'proc', source: 'proc' }],
      linux: {
        cgroupsPath: `/pouchd-test/${id}`,
        namespaces: ['pid', 'mount', 'ipc', 'uts', 'network'].map((type) => ({ type })),
      },
    });
    const runtime = { name: 'io.containerd.runc.v2' };
    await client.containers.create({ container: { id, runtime, spec, snapshotter: 'native', snapshotKey: id } });
    await client.tasks.create({ containerId: id, rootfs: mounts });
  });
  return {
    id,
    async [Symbol.asyncDispose]() {
      const { tasks } = await client.tasks.list({});
      if (tasks.length > 0) {
        await client.tasks.kill({ containerId: id, signal: 9, all: true });
        await client.tasks.wait({ containerId: id });
        await client.tasks.delete({ containerId: id });
      }
      await client.containers.delete({ id });
    },
  };
}

test.run();
