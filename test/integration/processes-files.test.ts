/** Archive, export and changes over the API: Docker's meanings, and nothing that leads out of a container's root. */
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { extract, type Header, pack } from 'tar-stream';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { scratchContainers } from '../helpers/scratch-containers.ts';

const s = await scratchContainers();
const { daemon } = s;
const secret = join(daemon.dir, 'host-secret');
writeFileSync(secret, 'untouched');

interface Entry extends Partial<Header> {
  name: string;
  content?: string;
}

async function tarOf(...entries: Entry[]): Promise<Buffer> {
  const archive = pack();
  for (const { content, ...header } of entries) archive.entry(header as Header, content ?? '');
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

interface Read {
  header: Header;
  content: string;
}

async function untar(bytes: Buffer): Promise<Map<string, Read>> {
  const archive = extract();
  archive.end(bytes);
  const all = new Map<string, Read>();
  for await (const entry of archive) {
    let content = '';
    for await (const chunk of entry) content += (chunk as Buffer).toString();
    all.set(entry.header.name, { header: entry.header, content });
  }
  return all;
}

/** A call whose answer is bytes. */
function bytesOf(
  method: string,
  path: string,
  body?: Buffer,
): Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; bytes: Buffer }> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath: daemon.socket, method, path, agent: false }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () =>
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, bytes: Buffer.concat(chunks) }),
      );
      incoming.on('error', reject);
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

const archive = (id: string, path: string) => `/containers/${id}/archive?path=${encodeURIComponent(path)}`;
const put = async (id: string, path: string, body: Buffer, query = '') => {
  const { status, bytes } = await bytesOf('PUT', `${archive(id, path)}${query}`, body);
  return status === 200 ? 'ok' : `${status} ${JSON.parse(bytes.toString()).message}`;
};
const get = async (id: string, path: string) => {
  const answer = await bytesOf('GET', archive(id, path));
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.bytes}`);
  return await untar(answer.bytes);
};
const stat = async (id: string, path: string) => {
  const answer = await bytesOf('HEAD', archive(id, path));
  const header = answer.headers['x-docker-container-path-stat'];
  return typeof header === 'string' ? JSON.parse(Buffer.from(header, 'base64').toString()) : answer.status;
};

const running = await s.run({ Cmd: ['sleep', '1000'] }, 'running');
const stopped = await s.create({ Cmd: ['true'] }, 'stopped');

for (const [state, id] of [
  ['running', running],
  ['stopped', stopped],
] as const) {
  test(`${state}: what goes in comes out, with owners, modes, links and times`, async () => {
    const mtime = new Date(1_600_000_000_000);
    const body = await tarOf(
      { name: 'in/', type: 'directory', mode: 0o750, uid: 5, gid: 6, mtime },
      { name: 'in/file', mode: 0o4755, uid: 1000, gid: 1001, mtime, content: 'hello' },
      { name: 'in/hard', type: 'link', linkname: 'in/file', mtime },
      { name: 'in/soft', type: 'symlink', linkname: '../etc/passwd', mtime },
      { name: 'in/fifo', type: 'fifo', mode: 0o600, mtime },
      { name: 'in/deep/er/file', mode: 0o644, mtime, content: 'made its folders' },
    );
    assert.is(await put(id, '/tmp', gzipSync(body)), 'ok');
    const files = await get(id, '/tmp/in');
    assert.equal([...files.keys()].sort(), [
      'in/',
      'in/deep/',
      'in/deep/er/',
      'in/deep/er/file',
      'in/fifo',
      'in/file',
      'in/hard',
      'in/soft',
    ]);
    const of = (name: string) => files.get(name) as Read;
    const { mode, uid, gid, mtime: time } = of('in/').header;
    assert.equal([mode, uid, gid, time], [0o750, 5, 6, mtime]);
    const first = of('in/file').header.type === 'file' ? of('in/file') : of('in/hard');
    assert.equal([first.header.mode, first.header.uid, first.header.gid, first.content], [0o4755, 1000, 1001, 'hello']);
    const second = first === of('in/file') ? of('in/hard') : of('in/file');
    assert.equal([second.header.type, second.header.linkname], ['link', first.header.name]);
    assert.equal([of('in/soft').header.type, of('in/soft').header.linkname], ['symlink', '../etc/passwd']);
    assert.is(of('in/deep/er/file').content, 'made its folders');
  });

  test(`${state}: paths have the meanings of Docker`, async () => {
    assert.equal([...(await get(id, '/tmp/in/file')).keys()], ['file']);
    assert.equal([...(await get(id, 'tmp/../tmp/in/deep/')).keys()], ['deep/', 'deep/er/', 'deep/er/file']);
    assert.equal([...(await get(id, '/tmp/in/deep/.')).keys()], ['./', './er/', './er/file']);
    assert.equal(
      [...(await get(id, '/tmp/in/soft')).values()].map(({ header }) => header.type),
      ['symlink'],
    );
    const root = await get(id, '/');
    assert.ok(root.has('/bin/busybox') && root.has('/tmp/in/file'), [...root.keys()].slice(0, 5).join());
    const seen = await stat(id, '/tmp/in/file');
    assert.equal(
      [seen.name, seen.size, seen.mode, seen.mtime, seen.linkTarget],
      ['file', 5, 0o755 + 2 ** 23, '2020-09-13T12:26:40Z', ''],
    );
    assert.is((await stat(id, '/tmp/in')).mode, 2 ** 31 + 0o750);
    assert.equal(await stat(id, '/tmp/in/soft').then(({ name, mode, linkTarget }) => [name, mode, linkTarget]), [
      'soft',
      2 ** 27 + 0o777,
      '/tmp/etc/passwd',
    ]);
    assert.is(await stat(id, '/nope'), 404);
    const missing = await bytesOf('GET', archive(id, '/nope/x'));
    assert.equal(
      [missing.status, JSON.parse(missing.bytes.toString())],
      [404, { message: `Could not find the file /nope/x in container ${id}` }],
    );
    assert.is(await put(id, '/etc/passwd', await tarOf({ name: 'x' })), '400 extraction point is not a directory');
    assert.is(await put(id, '/nope', await tarOf({ name: 'x' })), `404 Could not find the file /nope in container ${id}`);
  });

  test(`${state}: folders and files replace each other only where that is allowed`, async () => {
    const folder = await tarOf({ name: 'spot/', type: 'directory' }, { name: 'spot/inner', content: 'i' });
    const file = await tarOf({ name: 'spot', content: 'f' });
    assert.is(await put(id, '/tmp', folder), 'ok');
    assert.match(
      await put(id, '/tmp', file, '&noOverwriteDirNonDir=true'),
      /^400 cannot overwrite directory "\/tmp\/spot" with non-directory/,
    );
    assert.is(await put(id, '/tmp', file), 'ok');
    assert.is((await get(id, '/tmp/spot')).get('spot')?.content, 'f');
    assert.match(
      await put(id, '/tmp', folder, '&noOverwriteDirNonDir=true'),
      /^400 cannot overwrite non-directory "\/tmp\/spot" with directory/,
    );
    assert.is(await put(id, '/tmp', folder), 'ok');
    assert.is((await get(id, '/tmp/spot')).get('spot/inner')?.content, 'i');
  });

  test(`${state}: links and dots never lead out of the root`, async () => {
    const body = await tarOf(
      { name: 'out', type: 'symlink', linkname: daemon.dir },
      { name: 'up', type: 'symlink', linkname: '../../../../../../../..' },
      { name: 'loop', type: 'symlink', linkname: 'loop' },
    );
    assert.is(await put(id, '/tmp', body), 'ok');
    const inside = await tarOf({ name: 'host-secret', content: 'written' });
    assert.match(await put(id, '/tmp/out', inside), /^404 /, 'the folder of the host is not there inside');
    assert.is(await put(id, '/tmp/up', inside), 'ok', 'dots stop at the root');
    assert.is((await get(id, '/host-secret')).get('host-secret')?.content, 'written');
    assert.is(
      await put(id, '/tmp', await tarOf({ name: 'up/tmp/by-link', content: 'b' })),
      'ok',
      'a link in the way is followed inside',
    );
    assert.is((await get(id, '/tmp/by-link')).get('by-link')?.content, 'b');
    assert.is(await put(id, '/tmp', await tarOf({ name: `out/${'host-secret'}`, content: 'written' })), 'ok');
    assert.match(
      await put(id, '/tmp', await tarOf({ name: '../../x', content: 'x' })),
      /^400 "\.\.\/\.\.\/x" is outside of "\/tmp"$/,
    );
    assert.match(
      await put(id, '/tmp', await tarOf({ name: 'hl', type: 'link', linkname: '../../etc/passwd' })),
      /^400 .* is outside of/,
    );
    assert.is(await stat(id, `/tmp/out/../../${secret}`).then((seen) => typeof seen === 'number' || seen.size === 7), true);
    assert.match(await put(id, '/tmp/loop', inside), /^400 too many levels of symbolic links/);
    assert.is(readFileSync(secret, 'utf8'), 'untouched');
  });
}

test('volumes and binds are seen where they are mounted, read-only ones refuse, running or not', async () => {
  const host = join(daemon.dir, 'bound');
  mkdirSync(host);
  writeFileSync(join(host, 'f'), 'bound');
  symlinkSync(secret, join(host, 'link'));
  const HostConfig = { Binds: [`${host}:/ro:ro`, 'vol:/data', `${host}:/rw`], ReadonlyRootfs: true };
  const id = await s.create({ Cmd: ['sleep', '1000'], HostConfig }, 'mounted');
  for (const state of ['created', 'running']) {
    assert.is((await get(id, '/ro/f')).get('f')?.content, 'bound', state);
    assert.is(await put(id, '/data', await tarOf({ name: state, content: 'v' })), 'ok');
    assert.is((await get(id, `/data/${state}`)).get(state)?.content, 'v');
    assert.is(await put(id, '/rw', await tarOf({ name: `b-${state}`, content: 'w' })), 'ok');
    assert.is(readFileSync(join(host, `b-${state}`), 'utf8'), 'w');
    assert.is(await put(id, '/ro', await tarOf({ name: 'x' })), '403 mounted volume is marked read-only');
    assert.is(await put(id, '/tmp', await tarOf({ name: 'x' })), '403 container rootfs is marked read-only');
    if (state === 'created') await s.ok('POST', `/containers/${id}/start`);
  }
  await s.ok('DELETE', `/containers/${id}?force=1&v=1`);
  await rm(host, { recursive: true });
});

test('copyUIDGID gives everything to the user of the container', async () => {
  const id = await s.create({ Cmd: ['true'], User: 'nobody' });
  assert.is(await put(id, '/tmp', await tarOf({ name: 'mine', uid: 7, gid: 8, content: 'm' }), '&copyUIDGID=1'), 'ok');
  const { uid, gid } = (await get(id, '/tmp/mine')).get('mine')?.header ?? {};
  assert.equal([uid, gid], [65534, 65534]);
});

test('changes: added, changed, deleted, replaced, and nothing for what was only looked at', async () => {
  const id = await s.run({ Cmd: ['sleep', '1000'] }, 'changing');
  const list = async () => await s.ok<{ Path: string; Kind: number }[] | null>('GET', `/containers/${id}/changes`);
  assert.is(await list(), null);
  const command =
    'mkdir -p /new/sub; echo x >/new/sub/f; echo y >>/etc/group; rm /etc/passwd; rm -r /var/spool; mkdir /var/spool; touch /var/spool/n; rm -r /var/www; ls /usr >/dev/null';
  assert.is(await s.sh(id, command), 0);
  const want = [
    ['/etc', 0],
    ['/etc/group', 0],
    ['/etc/passwd', 2],
    ['/new', 1],
    ['/new/sub', 1],
    ['/new/sub/f', 1],
    ['/var', 0],
    ['/var/spool', 0],
    ['/var/spool/n', 1],
    ['/var/www', 2],
  ];
  const seen = async () => (await list())?.map(({ Path, Kind }) => [Path, Kind]);
  assert.equal(await seen(), want);
  await s.ok('POST', `/containers/${id}/kill`);
  await s.wait(id);
  assert.equal(await seen(), want, 'the same when it has ended');
});

test('export is the whole root without volumes, running and stopped', async () => {
  const HostConfig = { Binds: ['exported:/data'] };
  const id = await s.run({ Cmd: ['sh', '-c', 'echo v >/data/v; echo k >/kept; exec sleep 1000'], HostConfig }, 'exported');
  assert.is(await s.sh(id, 'until [ -f /kept ]; do sleep 0.02; done'), 0);
  for (const state of ['running', 'exited']) {
    const { status, bytes } = await bytesOf('GET', `/containers/${id}/export`);
    assert.is(status, 200);
    const files = await untar(bytes);
    assert.is(files.get('kept')?.content, 'k\n', state);
    assert.ok(files.has('bin/busybox') && files.has('data/') && !files.has('data/v'), state);
    if (state === 'running') {
      await s.ok('POST', `/containers/${id}/kill`);
      await s.wait(id);
    }
  }
});

test('nothing is left mounted', async () => {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.includes(daemon.dir));
  const roots = mounts.filter((line) => /\/rootfs /.test(line) && line.includes(daemon.dir));
  assert.equal(
    mounts.filter((line) => line.includes('/bound') || line.includes('vol')),
    [],
  );
  assert.ok(existsSync(secret) && roots.length <= 2, mounts.join('\n'));
});

test.after(async () => {
  await s[Symbol.asyncDispose]();
});
test.run();
