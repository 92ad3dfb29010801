import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { call } from '../helpers/http.ts';
import { busyboxArchive } from '../helpers/image.ts';
import { startImagesApi, type TestImagesApi } from '../helpers/images-api.ts';
import { startImages } from '../helpers/images-room.ts';
import { startRegistry } from '../helpers/registry.ts';

/** Runs the CLI, which must succeed, and gives its output. */
async function ok(api: TestImagesApi, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await api.docker(args);
  assert.is(code, 0, `docker ${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** Runs the CLI, which must fail, and gives its complaint. */
async function fails(api: TestImagesApi, args: string[], input?: string): Promise<string> {
  const { code, stderr } = await api.docker(args, { input });
  assert.is.not(code, 0, `docker ${args.join(' ')} should fail`);
  return stderr;
}

test("Docker's CLI handles images: load, tag, push, pull, list, inspect, history, save, import, remove, prune", async () => {
  await using registry = await startRegistry();
  await using t = await startImages();
  await using api = await startImagesApi(t);
  const file = join(t.dir, 'b.tar');
  const { id } = await busyboxArchive(file);
  const short = id.slice(7, 19);
  const name = `${registry.host}/cli:1`;
  assert.match(await ok(api, 'load', '-i', file), /^Loaded image: busybox:latest$/m);
  assert.match(await ok(api, 'images'), new RegExp(`busybox +latest +${short}`));
  await ok(api, 'tag', 'busybox', name);
  assert.match(await ok(api, 'push', name), /^1: digest: sha256:[0-9a-f]{64} size: \d+$/m);
  const digest = (await ok(api, 'image', 'inspect', '-f', '{{index .RepoDigests 0}}', name)).trim();
  assert.match(digest, /\/cli@sha256:/);
  assert.match(await ok(api, 'rmi', name), /^Untagged: .*\/cli:1\nUntagged: .*\/cli@sha256:/);
  assert.match(await ok(api, 'pull', name), /Digest: [\s\S]*Status: Downloaded newer image for .*\/cli:1/);
  assert.match(await ok(api, 'pull', digest), /Status: Image is up to date for/);
  assert.match(await ok(api, 'history', '-q', '--no-trunc', 'busybox'), new RegExp(id));
  assert.match(await ok(api, 'search', `${registry.host}/cli`), /\/cli/);
  const saved = join(t.dir, 's.tar');
  await ok(api, 'save', '-o', saved, 'busybox');
  assert.match(
    await fails(api, ['rmi', short]),
    /conflict: unable to delete \w+ \(must be forced\) - image is referenced in multiple repositories/,
  );
  assert.match(await ok(api, 'rmi', '-f', short), new RegExp(`Deleted: ${id}`));
  assert.match(await ok(api, 'load', '-i', saved), /Loaded image: busybox:latest/);
  const root = join(t.dir, 'b.tar');
  assert.match(await ok(api, 'import', '-c', 'ENV X=y', root, 'imp:1'), /^sha256:[0-9a-f]{64}$/m);
  assert.is((await ok(api, 'image', 'inspect', '-f', '{{json .Config.Env}}', 'imp:1')).trim(), '["X=y"]');
  assert.match(await fails(api, ['load'], 'garbage'.repeat(500)), /Error processing tar file/);
  assert.match(await fails(api, ['pull', `${registry.host}/none:1`]), /manifest for \S+ not found: manifest unknown/);
  assert.match(await fails(api, ['image', 'inspect', 'nope']), /No such image: nope/);
  assert.match(await ok(api, 'image', 'prune', '-af'), /Total reclaimed space: [1-9]/);
  assert.equal((await t.contents()).blobs, []);
});

test('statuses, texts and versions of the image endpoints are those of Docker', async () => {
  await using t = await startImages();
  await using api = await startImagesApi(t);
  const file = join(t.dir, 'b.tar');
  const { id } = await busyboxArchive(file, { name: null });
  const ask = (method: string, path: string, body?: unknown) => call(api.socket, method, path, { body });
  const loaded = await ask('POST', '/v1.41/images/load?quiet=1', readFileSync(file));
  assert.equal(
    [loaded.status, loaded.headers['content-type'], loaded.text],
    [200, 'application/json', `{"stream":"Loaded image ID: ${id}\\n"}\r\n`],
  );
  const list = async (version: string) => (await ask('GET', `/v${version}/images/json`)).json<Record<string, unknown>[]>()[0]!;
  assert.equal([(await list('1.41'))['RepoTags'], 'VirtualSize' in (await list('1.41'))], [['<none>:<none>'], true]);
  assert.equal([(await list('1.44'))['RepoTags'], 'VirtualSize' in (await list('1.44'))], [[], false]);
  assert.is((await ask('POST', `/images/${id}/tag?repo=a/b/c&tag=1`)).status, 201);
  assert.is((await ask('GET', '/images/a/b/c:1/json')).json<{ Id: string }>().Id, id);
  const push = await ask('POST', '/images/nope/push?tag=1');
  const broken = await ask('POST', '/images/load', 'no tar');
  assert.equal([push.status, broken.status], [200, 200]); // Docker has begun its stream by then
  assert.match(
    push.text,
    /^{"status":"The push refers to repository \[docker.io\/library\/nope\]"}\r\n.*"error":"An image does not exist locally with the tag: nope"}\r\n$/,
  );
  assert.match(broken.text, /"error":"Error processing tar file/);
  const rows: [string, string, number, RegExp][] = [
    ['GET', '/images/nope/json', 404, /^No such image: nope:latest$/],
    ['GET', '/images/nope/history', 404, /^No such image: nope:latest$/],
    ['GET', '/images/nope/get', 404, /^No such image: nope:latest$/],
    ['GET', '/images/a/other', 404, /^page not found$/],
    ['POST', '/images/a/b/c:1/tag?repo=Bad', 400, /repository name must be lowercase/],
    ['POST', '/images/create', 400, /fromImage or fromSrc/],
    ['POST', '/images/create?fromImage=x%20y&tag=1', 400, /^invalid reference format$/],
    ['POST', '/images/create?fromImage=127.0.0.1:1/x&tag=1', 500, /connection refused$/],
    ['DELETE', '/images/nope', 404, /^No such image: nope:latest$/],
    ['GET', '/images/json?filters={"x":["y"]}', 400, /^invalid filter 'x'$/],
    ['GET', '/images/search?term=a&limit=1000', 400, /^limit 1000 is outside the range of \[1, 100\]$/],
    ['POST', '/build?buildargs=nonsense', 400, /buildargs is not JSON/],
    ['POST', '/build?remote=git://x/y.git', 501, /git repository/],
    ['POST', '/session', 501, /BuildKit/],
    ['POST', '/grpc', 501, /BuildKit/],
  ];
  for (const [method, path, status, text] of rows) {
    const answer = await ask(method, path);
    assert.is(answer.status, status, `${method} ${path}: ${answer.text}`);
    assert.match(answer.json<{ message: string }>().message, text, `${method} ${path}`);
  }
});

test('Dockerfiles are built by a real builder, with arguments, stages, cache and failures told as Docker tells them', async () => {
  await using t = await startImages();
  await using api = await startImagesApi(t);
  const file = join(t.dir, 'b.tar');
  await busyboxArchive(file, { name: 'base.test/busybox:1' });
  await ok(api, 'load', '-i', file);
  const context = join(t.dir, 'context');
  mkdirSync(context);
  writeFileSync(join(context, 'f'), 'words of the context\n');
  const write = (text: string) => writeFileSync(join(context, 'Dockerfile'), text);
  write(
    'ARG FROM=base.test/busybox:1\nFROM $FROM AS made\nARG V=1\nRUN echo r$V > /r; echo told\nFROM base.test/busybox:1\nENV B=2\nCOPY --from=made /r /r\nCOPY f /f\nLABEL own=1\nCMD cat /r /f\n',
  );
  const built = await ok(api, 'build', '--build-arg', 'V=7', '--label', 'given=2', '-t', 'out:1', '-t', 'out:2', context);
  assert.match(built, /^Step 1\/\d+ : FROM base\.test\/busybox:1 AS made$/m);
  assert.match(built, /^told$/m);
  assert.match(built, /Successfully built [0-9a-f]{12}\nSuccessfully tagged out:1\nSuccessfully tagged out:2\n/);
  const image = t.images.resolve('out:2');
  assert.equal(
    [image.config.config?.Labels, image.config.config?.Cmd],
    [{ own: '1', given: '2' }, ['/bin/sh', '-c', 'cat /r /f']],
  );
  await t.images.prepareRootfs('box', image);
  const read = await t.images.withRootfs(
    'box',
    undefined,
    async (root) => readFileSync(join(root, 'r'), 'utf8') + readFileSync(join(root, 'f'), 'utf8'),
  );
  assert.is(read, 'r7\nwords of the context\n');
  // The base's layers are shared, not stored again.
  assert.is(image.config.rootfs.diff_ids[0], t.images.resolve('base.test/busybox:1').config.rootfs.diff_ids[0]);
  const again = await ok(api, 'build', '-q', '--build-arg', 'V=7', '--label', 'given=2', context);
  assert.is(again.trim(), image.id, 'the cache gives the same image');

  write('FROM base.test/busybox:1\nRUN [ "$(ip -o link | wc -l)" = 1 ]\n');
  await ok(api, 'build', '--network', 'none', '--memory', '64m', context);

  write('FROM base.test/busybox:1\nRUN exit 3\n');
  const failed = await api.docker(['build', context]);
  assert.equal(
    [failed.code, /The command '\/bin\/sh -c exit 3' returned a non-zero code: 3/.test(failed.stderr)],
    [3, true],
    failed.stderr,
  );
  write('FROM base.test/busybox:1\nCOPY missing /x\n');
  assert.match(await fails(api, ['build', context]), /COPY failed: file not found in build context/);
  write('FROM 127.0.0.1:1/none:1\n');
  assert.match(await fails(api, ['build', context]), /connection refused/);
  write('FROM base.test/busybox:1\nFROOM x\n');
  assert.match(await fails(api, ['build', context]), /FROOM/i);
  assert.match(await fails(api, ['build', '-f', join(context, 'f'), context]), /unknown instruction|no build stage/i);
  assert.match(await ok(api, 'builder', 'prune', '-f'), /Total reclaimed space: [1-9]/);
  assert.not.match(readFileSync('/proc/self/mounts', 'utf8'), new RegExp(t.dir), 'no mount is left');
});

test.run();
