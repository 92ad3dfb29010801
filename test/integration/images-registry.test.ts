import { spawnSync } from 'node:child_process';
import { createReadStream, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { digestOf } from '../../daemon/images/chain.ts';
import { inspectDistribution, searchRegistry } from '../../daemon/images/distribution.ts';
import { loadArchive } from '../../daemon/images/load.ts';
import { mediaTypes } from '../../daemon/images/media-types.ts';
import { pushImage } from '../../daemon/images/push.ts';
import type { AuthConfig, ProgressMessage } from '../../daemon/types/docker/image.ts';
import { busyboxArchive } from '../helpers/image.ts';
import { startImages, type TestImages } from '../helpers/images-room.ts';
import { startRegistry } from '../helpers/registry.ts';
import { type RegistryFront, startRegistryFront } from '../helpers/registry-front.ts';
import { rejects } from '../helpers/rejects.ts';

const nothing = () => undefined;

/** Loads busybox with one more layer and gives it a name at the registry. */
async function loadFor(t: TestImages, name: string): Promise<string> {
  const file = join(t.dir, 'busybox.tar');
  const { id } = await busyboxArchive(file, { layers: [{ '/data/x': 'x'.repeat(3000) }] });
  await loadArchive(t.images.room, createReadStream(file), nothing);
  await t.images.tag('busybox', { repo: name, tag: '1' });
  return id;
}

/** Names and kinds of what a progress stream said, bars left out. */
function told(messages: readonly ProgressMessage[]): string[] {
  const lines = messages.filter(
    (one) => !/^(Downloading|Extracting|Pushing|Waiting|Verifying|Download complete)/.test(one.status ?? ''),
  );
  return lines.map((one) =>
    one.id && !/Pulling from/.test(one.status ?? '') ? `${one.id}: ${one.status}` : (one.status ?? JSON.stringify(one.aux)),
  );
}

test("an image that is pushed, removed and pulled again is the same, byte for byte, and its progress is Docker's", async () => {
  await using registry = await startRegistry();
  await using t = await startImages();
  const repo = `${registry.host}/team/app`;
  const id = await loadFor(t, repo);
  const pushed: ProgressMessage[] = [];
  await pushImage(t.images.room, { repo, tag: '1' }, (message) => pushed.push(message));
  const image = t.images.resolve(`${repo}:1`);
  const { digest, size } = image.manifest;
  const [base, top] = image.config.rootfs.diff_ids.map((one) => one.slice(7, 19));
  const [first, ...rest] = told(pushed);
  assert.is(first, `The push refers to repository [${repo}]`);
  assert.equal(
    rest.toSorted(),
    [
      `${base}: Preparing`,
      `${base}: Pushed`,
      `${top}: Preparing`,
      `${top}: Pushed`,
      `1: digest: ${digest} size: ${size}`,
      JSON.stringify({ Tag: '1', Digest: digest, Size: size }),
    ].toSorted(),
  );
  assert.equal(image.repoDigests, [`${repo}@${digest}`]);

  await t.images.remove(`${repo}:1`);
  await t.images.remove('busybox');
  assert.equal(await t.contents(), { blobs: [], snapshots: [], leases: 0, ingests: 0 });

  const pulled: ProgressMessage[] = [];
  const again = await t.images.pull({ ref: `${repo}:1` }, (message) => pulled.push(message));
  assert.equal(
    [again.id, again.manifest.digest, again.tags, again.repoDigests],
    [id, digest, [`${repo}:1`], [`${repo}@${digest}`]],
  );
  const lines = told(pulled);
  assert.is(lines[0], 'Pulling from team/app');
  assert.equal(lines.slice(-2), [`Digest: ${digest}`, `Status: Downloaded newer image for ${repo}:1`]);
  assert.is(lines.filter((line) => line.endsWith('Pulling fs layer')).length, 2);
  assert.is(lines.filter((line) => line.endsWith('Pull complete')).length, 2);

  const up: ProgressMessage[] = [];
  await t.images.pull({ ref: `${repo}:1` }, (message) => up.push(message));
  assert.is(told(up).at(-1), `Status: Image is up to date for ${repo}:1`);
  const byDigest = await t.images.pull({ ref: `${repo}@${digest}` }, nothing);
  assert.is(byDigest.id, id);
  const all = await t.images.pull({ ref: repo, allTags: true }, nothing);
  assert.is(all.id, id);
  const actions = t.events.map((event) => `${event.action} ${event.attributes?.['name']}`);
  assert.ok(actions.includes(`push ${repo}`) && actions.includes(`pull ${repo}`), actions.join('; '));

  const inspected = await inspectDistribution(t.images.room.config, `${repo}:1`, {});
  assert.equal([inspected.Descriptor.digest, inspected.Platforms[0]?.os], [digest, 'linux']);
  const found = await searchRegistry(t.images.room.config, `${registry.host}/app`, {});
  assert.equal(
    found.map((one) => one.name),
    [`${registry.host}/team/app`],
  );

  // A second repository of the same registry takes the layers over without an upload.
  await t.images.tag(`${repo}:1`, { repo: `${registry.host}/other`, tag: '2' });
  const mounted: ProgressMessage[] = [];
  await pushImage(t.images.room, { repo: `${registry.host}/other` }, (message) => mounted.push(message));
  assert.is(told(mounted).filter((line) => line.endsWith('Mounted from team/app')).length, 2);
});

test("what a registry refuses comes out with Docker's words, and a dead registry does no damage", async () => {
  await using registry = await startRegistry();
  await using t = await startImages();
  const before = await t.contents();
  const missing = await rejects(
    t.images.pull({ ref: `${registry.host}/none:1` }, nothing),
    /^manifest for \S+\/none:1 not found: manifest unknown: manifest unknown$/,
  );
  assert.is(missing.kind, 'notFound');
  await rejects(
    pushImage(t.images.room, { repo: `${registry.host}/none`, tag: '1' }, nothing),
    /^An image does not exist locally with the tag: /,
  );
  await rejects(t.images.pull({ ref: 'UPPER' }, nothing), /repository name must be lowercase/);
  const id = await loadFor(t, `${registry.host}/app`);
  await registry.stop();
  await rejects(
    t.images.pull({ ref: `${registry.host}/app:1` }, nothing),
    /^Get "http:\/\/127[^"]*": dial tcp 127[^:]*:\d+: connect: connection refused$/,
  );
  await rejects(pushImage(t.images.room, { repo: `${registry.host}/app`, tag: '1' }, nothing), /connection refused/);
  assert.is(t.images.resolve(`${registry.host}/app:1`).id, id);
  await t.images.remove(id, { force: true });
  assert.equal(await t.contents(), before);
});

async function filled(t: TestImages, upstream: string): Promise<string> {
  const id = await loadFor(t, `${upstream}/app`);
  await pushImage(t.images.room, { repo: `${upstream}/app`, tag: '1' }, nothing);
  await t.images.remove(id, { force: true });
  return id;
}

const pullFrom = (t: TestImages, front: RegistryFront, auth?: AuthConfig) =>
  t.images.pull({ ref: `${front.host}/app:1`, auth }, nothing);

test('tokens are fetched with user and password or with an identity token, and never sent to the host of a redirect', async () => {
  await using registry = await startRegistry();
  await using t = await startImages();
  const id = await filled(t, registry.host);
  const user = { username: 'user', password: 'secret' };
  await using front = await startRegistryFront(registry.host, { token: { ...user, identityToken: 'idt' }, redirectsBlobs: true });
  const refused = await rejects(pullFrom(t, front, { username: 'user', password: 'wrong' }), /incorrect username or password/);
  assert.is(refused.kind, 'internal');
  const before = front.seen.length;
  assert.is((await pullFrom(t, front, user)).id, id);
  const seen = front.seen.slice(before);
  assert.ok(seen.some((line) => line.startsWith('BLOBHOST GET')));
  assert.equal(
    seen.filter((line) => line.startsWith('BLOBHOST') && !line.endsWith('none')),
    [],
  );
  assert.is(seen.filter((line) => line.startsWith('GET /token')).length, 1, 'one token serves the whole pull');
  await t.images.remove(id, { force: true });
  assert.is((await pullFrom(t, front, { identitytoken: 'idt' })).id, id);

  const login = await t.images.login({ ...user, serveraddress: front.host });
  assert.equal(login, { Status: 'Login Succeeded', IdentityToken: 'idt' });
  const denied = await rejects(
    t.images.login({ username: 'user', password: 'no', serveraddress: front.host }),
    /incorrect username or password/,
  );
  assert.is(denied.kind, 'unauthenticated');
  // A push goes through the same door with a wider token.
  await t.images.tag(id, { repo: `${front.host}/pushed`, tag: '1' });
  await pushImage(t.images.room, { repo: `${front.host}/pushed`, tag: '1', auth: user }, nothing);
});

test('a broken download goes on where it stopped, a busy registry is asked again, and damaged layers are refused', async () => {
  await using registry = await startRegistry();
  await using t = await startImages();
  const id = await filled(t, registry.host);
  const empty = await t.contents();
  await using cutting = await startRegistryFront(registry.host, { cutAfterBytes: 300_000, busyTimes: 2 });
  assert.is((await pullFrom(t, cutting)).id, id);
  assert.ok(
    cutting.seen.some((line) => /^GET .*\/blobs\/\S+ bytes=\d+-$/.test(line)),
    cutting.seen.join('\n'),
  );
  await t.images.remove(id, { force: true });

  await using corrupting = await startRegistryFront(registry.host, { corruptsBlobs: true });
  await rejects(pullFrom(t, corrupting), /verification failed for digest sha256:/);
  assert.equal(await t.contents(), empty);
  assert.equal(t.images.list(), []);
});

test('from a list of platforms comes the one that fits, or the one that was asked for, in OCI form and packed with zstd too', async () => {
  await using registry = await startRegistry();
  await using t = await startImages();
  const [own, other] = process.arch === 'arm64' ? (['arm64', 'amd64'] as const) : (['amd64', 'arm64'] as const);
  const entries: object[] = [];
  const ids: Record<string, string> = {};
  for (const architecture of [own, other] as const) {
    const file = join(t.dir, `${architecture}.tar`);
    await busyboxArchive(file, { architecture, files: { '/arch': architecture } });
    const to = `docker://${registry.host}/multi:${architecture}`;
    const form = architecture === own ? ['--format', 'oci', '--dest-compress-format', 'zstd'] : [];
    const copied = spawnSync('skopeo', ['copy', '--dest-tls-verify=false', ...form, `docker-archive:${file}`, to], {
      encoding: 'utf8',
    });
    assert.is(copied.status, 0, copied.stderr);
    const { Descriptor: found } = await inspectDistribution(t.images.room.config, `${registry.host}/multi:${architecture}`, {});
    entries.push({ ...found, platform: { os: 'linux', architecture } });
    const image = await t.images.pull({ ref: `${registry.host}/multi:${architecture}` }, nothing);
    ids[architecture] = image.id;
    await t.images.remove(image.id, { force: true });
  }
  const index = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: entries });
  const put = await fetch(`http://${registry.host}/v2/multi/manifests/all`, {
    method: 'PUT',
    body: index,
    headers: { 'content-type': mediaTypes.ociIndex },
  });
  assert.is(put.status, 201);
  const ref = `${registry.host}/multi:all`;
  const image = await t.images.pull({ ref }, nothing);
  const digest = digestOf(index);
  assert.equal([image.id, image.repoDigests], [ids[own], [`${registry.host}/multi@${digest}`]]);
  await t.images.prepareRootfs('box', image);
  assert.is(await t.images.withRootfs('box', undefined, async (root) => readFileSync(join(root, 'arch'), 'utf8')), own);
  assert.is(t.images.resolve(`${registry.host}/multi@${digest}`).id, image.id);
  const asked = await t.images.pull({ ref, platform: `linux/${other}` }, nothing);
  assert.equal([asked.id, t.images.resolve(ref).id, t.images.resolve(image.id).tags], [ids[other], ids[other], []]);
  await rejects(
    t.images.pull({ ref, platform: 'linux/s390x' }, nothing),
    /^no matching manifest for linux\/s390x in the manifest list entries$/,
  );
  const platforms = await inspectDistribution(t.images.room.config, ref, {});
  assert.equal(
    platforms.Platforms.map((one) => one.architecture),
    [own, other],
  );
  await rejects(
    t.images.pull({ ref: `${registry.host}/multi:${own}`, platform: `linux/${other}` }, nothing),
    /does not match the specified platform/,
  );
});

test('Docker Hub images come from a mirror, and a mirror that fails is passed over', async () => {
  await using registry = await startRegistry();
  await using source = await startImages();
  const id = await loadFor(source, `${registry.host}/library/busybox`);
  await pushImage(source.images.room, { repo: `${registry.host}/library/busybox`, tag: '1' }, nothing);
  await using t = await startImages({ config: { registryMirrors: ['http://127.0.0.1:1', `http://${registry.host}`] } });
  const image = await t.images.pull({ ref: 'busybox:1' }, nothing);
  assert.equal([image.id, image.tags], [id, ['busybox:1']]);
});

test('plugins may send a pull elsewhere before it, and see the image after it', async () => {
  await using registry = await startRegistry();
  await using source = await startImages();
  const id = await filled(source, registry.host);
  const { registerImagePlugin } = await import('../../hookplugins/index.ts');
  const seen: unknown[] = [];
  await using t = await startImages({
    plugins: () => {
      registerImagePlugin({
        id: 'sender',
        prePull: (reference: string) => reference.replace('elsewhere.test', registry.host),
        postPull: (snapshotter: string, image: object) => void seen.push({ snapshotter, ...image }),
        preDelete: () => {
          throw new Error('it is precious');
        },
      });
    },
  });
  const image = await t.images.pull({ ref: 'elsewhere.test/app:1' }, nothing);
  assert.is(image.id, id);
  assert.equal(seen, [{ snapshotter: 'overlayfs', name: `${registry.host}/app:1`, digest: image.manifest.digest, id }]);
  await rejects(t.images.remove(image.id, { force: true }), /it is precious/);
  assert.is(t.images.list().length, 1);
});

test.run();
