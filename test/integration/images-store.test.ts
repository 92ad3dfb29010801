import { spawnSync } from 'node:child_process';
import { createReadStream, createWriteStream, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { importImage } from '../../daemon/images/import.ts';
import { historyOf } from '../../daemon/images/inspect.ts';
import { loadArchive } from '../../daemon/images/load.ts';
import { pruneImages } from '../../daemon/images/prune.ts';
import { saveImages } from '../../daemon/images/save.ts';
import { poll } from '../../daemon/lib/deadline.ts';
import type { ProgressMessage } from '../../daemon/types/docker/image.ts';
import { type BusyboxOptions, busyboxArchive } from '../helpers/image.ts';
import { startImages, type TestImages } from '../helpers/images-room.ts';
import { rejects } from '../helpers/rejects.ts';

const nothing = () => undefined;
const empty = { blobs: [], snapshots: [], leases: 0, ingests: 0 };

async function load(t: TestImages, options: BusyboxOptions = {}): Promise<string> {
  const file = join(t.dir, `image-${Math.random()}.tar`);
  const { id } = await busyboxArchive(file, options);
  await loadArchive(t.images.room, createReadStream(file), nothing);
  return id;
}

/** Lets containerd collect everything that nothing leads to. */
async function collectGarbage(t: TestImages): Promise<void> {
  await t.client.leases.create({ id: 'gc' });
  await t.client.leases.delete({ id: 'gc', sync: true });
}

async function saved(t: TestImages, refs: string[]): Promise<Buffer> {
  const file = join(t.dir, 'saved.tar');
  await pipeline(await saveImages(t.images.room, refs), createWriteStream(file));
  return readFileSync(file);
}

test('a saved image comes back the same in every packing, two saves are alike, and skopeo and tar can read them', async () => {
  await using t = await startImages();
  const id = await load(t, { layers: [{ '/data/x': 'x' }] });
  const other = await load(t, { name: 'other:1', files: { '/other': 'o' } });
  await t.images.tag('busybox', { repo: 'second', tag: 'v2' });
  const tar = await saved(t, ['busybox', 'second:v2', 'other:1']);
  assert.ok((await saved(t, ['busybox', 'second:v2', 'other:1'])).equals(tar));
  const { manifest } = t.images.resolve(id);
  for (const bytes of [tar, gzipSync(tar), zstdCompressSync(tar)]) {
    await t.images.remove(id, { force: true });
    await t.images.remove(other, { force: true });
    assert.equal(await t.contents(), empty);
    const told: ProgressMessage[] = [];
    await loadArchive(t.images.room, Readable.from([bytes], { objectMode: false }), (message) => told.push(message), {
      quiet: true,
    });
    assert.equal(
      told.map((one) => one.stream),
      ['Loaded image: busybox:latest\n', 'Loaded image: second:v2\n', 'Loaded image: other:1\n'],
    );
    assert.equal(
      [t.images.resolve('second:v2').id, t.images.resolve('other:1').id, t.images.resolve(id).manifest],
      [id, other, manifest],
    );
  }
  const from = `docker-archive:${join(t.dir, 'saved.tar')}:busybox:latest`;
  const seen = spawnSync('skopeo', ['inspect', '--format', '{{len .Layers}}', from], { encoding: 'utf8' });
  assert.is(seen.error ? '2' : seen.stdout.trim(), '2', seen.stderr);
  await rejects(saveImages(t.images.room, ['nope']), /^No such image: nope:latest$/);
});

test('a save whose reader leaves stops reading, and a load of nothing is refused', async () => {
  await using t = await startImages();
  const id = await load(t, { files: { '/big': 'b'.repeat(6_000_000) } });
  const blobs = new Set<string>();
  const { room } = t.images;
  const watched = { ...room, client: { ...room.client, readBlob: counting } };
  let open = 0;
  async function* counting(...args: Parameters<typeof room.client.readBlob>) {
    open++;
    blobs.add(args[0]);
    try {
      yield* room.client.readBlob(...args);
    } finally {
      open--;
    }
  }
  const tar = await saveImages(watched, [id]);
  await new Promise((resolve) => tar.once('readable', resolve));
  tar.read();
  tar.destroy();
  await poll('reading has stopped', () => open === 0, { timeoutMs: 10_000 });
  assert.ok(blobs.size > 0);
  await rejects(loadArchive(room, Readable.from([]), nothing), /does not contain a manifest/);
});

test("Docker's old archives with links between layers load, and so do plain OCI layouts", async () => {
  await using t = await startImages();
  const file = join(t.dir, 'b.tar');
  const { id, diffIds } = await busyboxArchive(file, { name: 'old:1' });
  const script = `set -e; mkdir a; cd a; tar xf ../b.tar; L=$(echo */layer.tar); mkdir two three; mv $L two/layer.tar; echo 1.0 >two/VERSION; echo '{}' >two/json; ln -s ../two/layer.tar three/layer.tar
    sed -i "s#$L#three/layer.tar#" manifest.json; tar cf ../old.tar ./manifest.json three two *.json`;
  const made = spawnSync('sh', ['-c', script], { cwd: t.dir, encoding: 'utf8' });
  assert.is(made.status, 0, made.stderr);
  await loadArchive(t.images.room, createReadStream(join(t.dir, 'old.tar')), nothing);
  assert.equal([t.images.resolve('old:1').id, t.images.resolve('old:1').config.rootfs.diff_ids], [id, diffIds]);

  await load(t, { name: 'lay:1', files: { '/lay': '1' } });
  await saved(t, ['lay:1']);
  const stripped = spawnSync(
    'sh',
    ['-c', 'mkdir o; cd o; tar xf ../saved.tar; rm manifest.json repositories; tar cf ../oci.tar .'],
    { cwd: t.dir },
  );
  assert.is(stripped.status, 0);
  const { id: layId } = t.images.resolve('lay:1');
  await t.images.remove('lay:1');
  await loadArchive(t.images.room, createReadStream(join(t.dir, 'oci.tar')), nothing);
  assert.is(t.images.resolve('lay:1').id, layId);
});

test('broken uploads are refused and leave nothing behind', async () => {
  await using t = await startImages();
  const file = join(t.dir, 'b.tar');
  await busyboxArchive(file, { layers: [{ '/a': 'a' }] });
  const bytes = readFileSync(file);
  const made = (script: string) => {
    const done = spawnSync('sh', ['-c', `set -e; rm -rf d; mkdir d; cd d; tar xf ../b.tar; ${script}; tar cf ../bad.tar *`], {
      cwd: t.dir,
      encoding: 'utf8',
    });
    assert.is(done.status, 0, done.stderr);
    return readFileSync(join(t.dir, 'bad.tar'));
  };
  const rows: [string, Uint8Array, RegExp][] = [
    ['garbage', Buffer.from('no tar at all '.repeat(100)), /Error processing tar file/],
    ['cut off', bytes.subarray(0, 1_500_000), /Error processing tar file/],
    ['packed and cut off', gzipSync(bytes).subarray(0, 500_000), /gzip data is damaged/],
    ['no manifest', made('rm manifest.json'), /does not contain a manifest\.json/],
    ['a layer is missing', made('rm -r $(ls -d */ | head -1)'), /layer \S+ is missing/],
    [
      'a layer is another one',
      made('for d in */; do echo other > x; tar cf $d/layer.tar x; rm x; done'),
      /unpacks to sha256:\S+, expected sha256:/,
    ],
    [
      'a layer is no tar',
      made('for d in */; do head -c 5000 /dev/zero | tr "\\0" z > $d/layer.tar; done'),
      /archive\/tar: invalid tar header/,
    ],
    ['the config is no JSON', made('for f in *.json; do [ $f = manifest.json ] || echo nonsense > $f; done'), /not JSON/],
    [
      'a layer too many',
      made(
        'sed -i "s#\\"Layers\\":\\[#&\\"x/layer.tar\\",#" manifest.json; mkdir x; cp -r $(ls -d */ | grep -v x/ | head -1)/layer.tar x',
      ),
      /layers length mismatch/,
    ],
  ];
  for (const [what, bad, text] of rows) {
    await rejects(() => loadArchive(t.images.room, Readable.from([bad], { objectMode: false }), nothing), text).catch(
      (error: Error) => {
        throw new Error(`${what}: ${error.message}`);
      },
    );
    assert.equal(await t.contents(), empty, what);
  }
  async function* leaving(): AsyncGenerator<Uint8Array> {
    yield bytes.subarray(0, 700_000);
    throw new Error('the client left');
  }
  await rejects(loadArchive(t.images.room, leaving(), nothing), /the client left/);
  await rejects(importImage(t.images.room, leaving(), { source: '-' }), /the client left/);
  await rejects(importImage(t.images.room, Readable.from([Buffer.alloc(4000, 'z')]), { source: '-' }), /invalid tar header/);
  assert.equal([await t.contents(), t.images.list()], [empty, []]);
});

test("names come and go by Docker's rules", async () => {
  await using t = await startImages();
  const users: { containerId: string; running: boolean }[] = [];
  t.images.setUsers(() => users);
  const id = await load(t);
  const short = id.slice(7, 19);
  const container = 'c'.repeat(64);
  await t.images.tag('busybox', { repo: 'r.test:5000/b', tag: '1' });
  assert.equal(t.images.resolve(short).tags, ['busybox:latest', 'r.test:5000/b:1']);
  await rejects(
    t.images.remove(short),
    new RegExp(`^conflict: unable to delete ${short} \\(must be forced\\) - image is referenced in multiple repositories$`),
  );
  assert.equal(await t.images.remove('r.test:5000/b:1'), [{ Untagged: 'r.test:5000/b:1' }]);

  users.push({ containerId: container, running: false });
  await rejects(
    t.images.remove('busybox'),
    new RegExp(
      `^conflict: unable to remove repository reference "busybox" \\(must force\\) - container ${container.slice(0, 12)} is using its referenced image ${short}$`,
    ),
  );
  await rejects(
    t.images.remove(short),
    new RegExp(
      `^conflict: unable to delete ${short} \\(must be forced\\) - image is being used by stopped container ${container.slice(0, 12)}$`,
    ),
  );
  users[0]!.running = true;
  const running = await rejects(
    t.images.remove(id, { force: true }),
    new RegExp(
      `^conflict: unable to delete ${short} \\(cannot be forced\\) - image is being used by running container ${container.slice(0, 12)}$`,
    ),
  );
  assert.is(running.kind, 'conflict');
  assert.equal(await t.images.remove('busybox', { force: true }), [{ Untagged: 'busybox:latest' }], 'the image stays, dangling');
  assert.equal(
    (await t.images.summaries({})).map((row) => [row.Id, row.RepoTags]),
    [[id, ['<none>:<none>']]],
  );
  users.length = 0;

  // Loading another image under a name leaves the old one without it.
  const next = await load(t, { files: { '/new': '1' } });
  assert.is(t.images.resolve('busybox').id, next);
  assert.equal(
    [await pruneImages(t.images.room)].map((one) => one.ImagesDeleted?.[0]),
    [{ Deleted: id }],
  );
  const removed = await t.images.remove('busybox');
  assert.equal(removed.slice(0, 2), [{ Untagged: 'busybox:latest' }, { Deleted: next }]);
  assert.equal(await t.contents(), empty);
  await rejects(t.images.remove('busybox'), /^No such image: busybox:latest$/);
  await rejects(t.images.tag('busybox', { repo: 'x' }), /^No such image: busybox:latest$/);
});

test('committed images hang on their parents; history, inspect and filters tell of both', async () => {
  await using t = await startImages();
  const id = await load(t, { config: { Labels: { base: '1' } } });
  const parent = t.images.resolve(id);
  await t.images.prepareRootfs('box', parent);
  await t.images.withRootfs('box', undefined, async (root) => writeFileSync(join(root, 'made'), 'by hand'));
  const child = await t.images.commit({
    key: 'box',
    parent,
    ref: 'child:1',
    author: 'me',
    comment: 'msg',
    createdBy: 'sh',
    containerId: 'c'.repeat(64),
    config: { Cmd: ['cat', '/made'], Labels: { child: '1' } },
  });
  await t.images.prepareRootfs('box2', child);
  assert.is(await t.images.withRootfs('box2', undefined, async (root) => readFileSync(join(root, 'made'), 'utf8')), 'by hand');
  assert.not.ok(await t.images.withRootfs('box', undefined, async (root) => existsSync(join(root, 'nothing'))));
  const inspected = await t.images.inspect('child:1');
  assert.equal(
    [inspected.Parent, inspected.Author, inspected.Comment, inspected.Config?.Cmd, inspected.RootFS.Layers?.length],
    [id, 'me', 'msg', ['cat', '/made'], 2],
  );
  const history = await historyOf(t.images.room, t.images.room.index.resolve('child:1'));
  assert.equal(
    history.map((row) => [row.Id, row.Comment, row.Size > 0]),
    [
      [child.id, 'msg', true],
      [id, '', true],
    ],
  );

  const names = async (filters: Record<string, string[]>) =>
    (await t.images.summaries({ filters })).flatMap((row) => row.RepoTags ?? []);
  assert.equal(await names({ reference: ['chi*'] }), ['child:1']);
  assert.equal(await names({ reference: ['*:latest'] }), ['busybox:latest']);
  assert.equal(await names({ label: ['child=1'] }), ['child:1']);
  assert.equal(await names({ label: ['child=2'] }), []);
  assert.equal(await names({ before: ['child:1'] }), ['busybox:latest']);
  assert.equal(await names({ since: ['busybox'] }), ['child:1']);
  assert.equal(await names({ dangling: ['true'] }), []);
  await rejects(names({ colour: ['red'] }), /invalid filter 'colour'/);
  await rejects(names({ before: ['nope'] }), /No such image: nope/);

  await rejects(t.images.remove(id, { force: true }), /cannot be forced\) - image has dependent child images$/);
  assert.equal(await t.images.remove('busybox'), [{ Untagged: 'busybox:latest' }]);
  for (const key of ['box', 'box2']) await t.images.removeRootfs(key);
  const gone = await t.images.remove('child:1');
  assert.equal(gone.filter((item) => 'Deleted' in item).slice(0, 1), [{ Deleted: child.id }]);
  assert.ok(
    gone.some((item) => 'Deleted' in item && item.Deleted === id),
    'the untagged parent goes too',
  );
  assert.equal(await t.contents(), empty);
});

test("garbage collection keeps exactly what is in use, and roots have Docker's mount points", async () => {
  await using t = await startImages();
  const id = await load(t, { layers: [{ '/data/x': 'x' }], files: { '/etc/hosts': 'own\n' } });
  const before = await t.contents();
  await collectGarbage(t);
  assert.equal(await t.contents(), before);
  const image = t.images.resolve(id);
  await t.images.prepareRootfs('one', image);
  assert.equal(await t.images.rootfsUsage('one'), { size: 0, inodes: 0 });
  const seen = await t.images.withRootfs('one', undefined, async (root) => ({
    points: ['.dockerenv', 'dev/console', 'dev/shm', 'etc/hostname', 'etc/resolv.conf', 'proc', 'sys'].filter(
      (name) => !existsSync(join(root, name)),
    ),
    hosts: readFileSync(join(root, 'etc/hosts'), 'utf8'),
  }));
  assert.equal(seen, { points: [], hosts: 'own\n' });
  await t.images.remove(id, { force: true });
  await collectGarbage(t);
  const left = await t.contents();
  assert.equal([left.blobs, left.snapshots.length], [[], 4], 'the layers of a container without an image stay');
  assert.equal(await t.images.listRootfs(), [{ key: 'one', snapshotter: 'overlayfs' }]);
  await t.images.removeRootfs('one');
  await t.images.removeRootfs('one');
  await rejects(t.images.rootfsMounts('one'), /not found|does not exist/);
  await collectGarbage(t);
  assert.equal(await t.contents(), empty);

  // Twenty containers at once over an image that is not unpacked: the layers are unpacked once.
  const again = await load(t, { layers: [{ '/data/x': 'x' }] });
  const fresh = t.images.resolve(again);
  const keys = Array.from({ length: 20 }, (_, at) => `many-${at}`);
  await t.client.snapshots.remove({ snapshotter: 'overlayfs', key: `pouch-init-${fresh.chainId.slice(7)}` });
  await Promise.all(keys.map((key) => t.images.prepareRootfs(key, fresh)));
  assert.is((await t.contents()).snapshots.length, 23);
});

test('what a restarted daemon reads is what the last one knew, also of images that others made', async () => {
  await using t = await startImages();
  const id = await load(t);
  await t.images.tag('busybox', { repo: 'second' });
  const { manifest } = t.images.resolve(id);
  await t.client.images.create({ image: { name: 'docker.io/library/foreign:1', target: manifest } });
  await t.client.images.create({ image: { name: 'broken:1', target: { ...manifest, digest: `sha256:${'0'.repeat(64)}` } } });
  const known = t.images.resolve(id);
  const again = await t.reopen();
  const read = again.resolve(id);
  assert.equal({ ...read, tags: known.tags, names: [] }, { ...known, names: [] });
  assert.equal(read.tags, ['busybox:latest', 'foreign:1', 'second:latest']);
  assert.is(again.find('broken:1'), undefined);
  assert.equal((await again.inspect('second')).Metadata, (await t.images.inspect('second')).Metadata);
});

test.run();
