import { randomBytes } from 'node:crypto';
import { createReadStream, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Image } from '../../daemon/images/contract.ts';
import { loadArchive } from '../../daemon/images/load.ts';
import { pushImage } from '../../daemon/images/push.ts';
import { poll } from '../../daemon/lib/deadline.ts';
import { unmount } from '../../daemon/lib/mount.ts';
import { run } from '../../daemon/lib/process.ts';
import { busyboxArchive } from '../helpers/image.ts';
import { startImages } from '../helpers/images-room.ts';
import { startRegistry } from '../helpers/registry.ts';
import { startRegistryFront } from '../helpers/registry-front.ts';
import { rejects } from '../helpers/rejects.ts';

const nothing = () => undefined;

test('containerd may be killed: images are read anew, roots mount again, and work goes on', async () => {
  await using t = await startImages();
  const file = join(t.dir, 'b.tar');
  const { id } = await busyboxArchive(file);
  await loadArchive(t.images.room, createReadStream(file), nothing);
  const image = t.images.resolve('busybox');
  await t.images.prepareRootfs('box', image);
  const mounts = await t.images.rootfsMounts('box');
  for (let round = 0; round < 3; round++) {
    const back = Promise.withResolvers<void>();
    const stop = t.supervisor.onReconnect(() => back.resolve());
    process.kill(t.supervisor.pid!, 'SIGKILL');
    // While it is away the room answers from memory.
    assert.is(t.images.resolve('busybox').id, id);
    await back.promise;
    stop();
    assert.equal(await t.images.rootfsMounts('box'), mounts);
    await t.images.prepareRootfs(`box-${round}`, t.images.resolve('busybox'));
    await t.images.tag('busybox', { repo: 'again', tag: `${round}` });
  }
  assert.equal(t.images.resolve(id).tags, ['again:0', 'again:1', 'again:2', 'busybox:latest']);
  assert.is((await t.images.listRootfs()).length, 4);
});

test('a pull that its client leaves stops, keeps nothing, and can be done again', async () => {
  await using registry = await startRegistry();
  await using t = await startImages();
  const file = join(t.dir, 'b.tar');
  const { id } = await busyboxArchive(file, { layers: [{ '/x': 'y' }] });
  await loadArchive(t.images.room, createReadStream(file), nothing);
  await t.images.tag('busybox', { repo: `${registry.host}/app`, tag: '1' });
  await pushImage(t.images.room, { repo: `${registry.host}/app`, tag: '1' }, nothing);
  await t.images.remove(id, { force: true });
  await using front = await startRegistryFront(registry.host, {});
  for (const moment of [/^Pulling from/, /^Pulling fs layer/, /^Downloading/, /^Extracting/, /^Pull complete/]) {
    const leave = new AbortController();
    const pull = t.images.pull(
      { ref: `${front.host}/app:1` },
      (message) => {
        if (moment.test(message.status ?? '')) leave.abort(new Error('the client left'));
      },
      leave.signal,
    );
    await rejects(pull, /the client left|cancel/i);
    assert.equal(t.images.list(), [], String(moment));
    await poll('nothing is left', async () => (await t.contents()).blobs.length === 0, { timeoutMs: 10_000 });
    assert.equal(await t.contents(), { blobs: [], snapshots: [], leases: 0, ingests: 0 }, String(moment));
  }
  // One of two that pull the same leaves: the other one is not disturbed.
  const leave = new AbortController();
  let second: Promise<Image> | undefined;
  const first = t.images.pull(
    { ref: `${front.host}/app:1` },
    (message) => {
      if (message.status !== 'Downloading' || second) return;
      second = t.images.pull({ ref: `${front.host}/app:1` }, nothing);
      leave.abort(new Error('the client left'));
    },
    leave.signal,
  );
  await rejects(first, /the client left|cancel/i);
  assert.is((await second!).id, id);
});

test('what a daemon that was killed had under way is gone after the next start', async () => {
  await using t = await startImages();
  await t.client.leases.create({ id: 'pouch-of-the-dead', labels: { 'containerd.io/gc.expire': '2100-01-01T00:00:00Z' } });
  await t.client.leases.create({ id: 'foreign' });
  const lease = 'pouch-of-the-dead';
  const half = async function* () {
    yield Buffer.from('half');
  };
  await t.client.writeBlob('whole', { lease }, half());
  await t.client.snapshots.prepare({ snapshotter: 'overlayfs', key: 'pouch-extract-x' }, { lease });
  const again = await t.reopen();
  await t.client.leases.delete({ id: 'foreign', sync: true });
  assert.equal(await t.contents(), { blobs: [], snapshots: [], leases: 0, ingests: 0 });
  assert.equal(again.list(), []);
});

test('a full disk is an error and no damage', async () => {
  const outside = mkdtempSync(join(tmpdir(), 'pouchd-full-'));
  const disk = join(outside, 'disk');
  mkdirSync(disk);
  await run('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', disk]);
  try {
    await using t = await startImages({ dir: join(disk, 'c') });
    const small = join(outside, 'small.tar');
    const { id } = await busyboxArchive(small);
    await loadArchive(t.images.room, createReadStream(small), nothing);
    const before = await t.contents();
    const big = join(outside, 'big.tar');
    await busyboxArchive(big, { name: 'big:1', files: { '/big': randomBytes(15_000_000).toString('latin1') } });
    await rejects(loadArchive(t.images.room, createReadStream(big), nothing), /no space left on device/);
    assert.equal(await t.contents(), before);
    assert.equal(
      t.images.list().map((image) => image.id),
      [id],
    );
    await t.images.prepareRootfs('box', t.images.resolve('busybox'));
    await t.images.removeRootfs('box');
  } finally {
    await unmount(disk);
    rmSync(outside, { recursive: true, force: true });
  }
});

test('pulls and removals of the same image at the same time end well', async () => {
  await using registry = await startRegistry();
  await using t = await startImages();
  const file = join(t.dir, 'b.tar');
  const { id } = await busyboxArchive(file, { layers: [{ '/x': 'y' }, { '/z': 'z' }] });
  await loadArchive(t.images.room, createReadStream(file), nothing);
  for (const name of ['one', 'two', 'three']) {
    await t.images.tag(id, { repo: `${registry.host}/${name}` });
    await pushImage(t.images.room, { repo: `${registry.host}/${name}` }, nothing);
  }
  for (let round = 0; round < 4; round++) {
    await Promise.all([
      t.images.remove(id, { force: true }),
      ...['one', 'two', 'three', 'one', 'two'].map((name) => t.images.pull({ ref: `${registry.host}/${name}:latest` }, nothing)),
    ]);
    await t.images.pull({ ref: `${registry.host}/one:latest` }, nothing);
    await t.client.leases.create({ id: 'gc' });
    await t.client.leases.delete({ id: 'gc', sync: true });
    await t.images.prepareRootfs(`box-${round}`, t.images.resolve(`${registry.host}/one`));
    const text = await t.images.withRootfs(`box-${round}`, undefined, async (root) => readFileSync(join(root, 'z'), 'utf8'));
    assert.is(text, 'z');
  }
});

test.run();
