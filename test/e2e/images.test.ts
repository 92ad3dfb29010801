import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { engine } from '../helpers/engine.ts';
import { startRegistry } from '../helpers/registry.ts';

const e = await engine(import.meta.filename);
const registry = await startRegistry();
const name = `${registry.host}/team/app`;

test('push, pull by tag and by digest, run by digest', async () => {
  await e.ok('tag', e.image, `${name}:1`);
  assert.match(await e.ok('push', `${name}:1`), /1: digest: sha256:[0-9a-f]{64} size: \d+/);
  await e.ok('rmi', `${name}:1`);
  assert.match(await e.ok('pull', `${name}:1`), /Status: Downloaded newer image for/);
  assert.match(await e.ok('pull', `${name}:1`), /Status: Image is up to date for/);
  const digest = (await e.format(`${name}:1`, '{{index .RepoDigests 0}}')).trim();
  assert.ok(digest.startsWith(`${name}@sha256:`), digest);
  await e.ok('rmi', `${name}:1`);
  await e.ok('pull', digest);
  assert.is(await e.ok('run', '--rm', digest, 'echo', 'by digest'), 'by digest\n');
  await e.ok('rmi', digest);
});

test('run pulls what is missing; a missing tag is told', async () => {
  assert.is(await e.ok('run', '--rm', `${name}:1`, 'echo', 'pulled'), 'pulled\n');
  await e.ok('rmi', `${name}:1`);
  const missing = await e.docker('pull', `${name}:none`);
  assert.is(missing.code, 1);
  assert.match(missing.stderr, /not found|manifest unknown/);
});

test('commit, history, save, load, export, import keep what was made', async () => {
  await e.ok('run', '--name', 'made', e.image, 'sh', '-c', 'echo z >/z');
  await e.ok('commit', '-m', 'msg', '-a', 'me', '-c', 'CMD ["cat","/z"]', '-c', 'ENV Q=1', 'made', 'made:1');
  assert.is(await e.ok('run', '--rm', 'made:1'), 'z\n');
  assert.is(await e.format('made:1', '{{.Author}} {{.Comment}}'), 'me msg');
  assert.match(await e.ok('history', 'made:1'), /msg/);
  const id = await e.format('made:1', '{{.Id}}');
  await e.sh('docker save made:1 -o $W/s.tar; tar tf $W/s.tar | grep -x manifest.json', { ok: true });
  await e.ok('rm', 'made');
  await e.ok('rmi', 'made:1');
  assert.match((await e.sh('docker load -i $W/s.tar')).stdout, /Loaded image: made:1/);
  assert.is(await e.format('made:1', '{{.Id}}'), id);
  await e.ok('create', '--name', 'exp', 'made:1');
  await e.sh('docker export exp | docker import -c "ENV X=y" - imp:1', { ok: true });
  assert.is(await e.ok('run', '--rm', 'imp:1', 'sh', '-c', 'cat /z; echo $X'), 'z\ny\n');
  await e.ok('rm', 'exp');
});

test('an image in use is not removed; removing untags first, then deletes', async () => {
  await e.ok('create', '--name', 'user', 'imp:1', 'true');
  assert.match((await e.docker('rmi', 'imp:1')).stderr, /conflict: unable to remove repository reference "imp:1"/);
  await e.ok('tag', 'imp:1', 'imp:2');
  assert.is(await e.ok('rmi', 'imp:2'), 'Untagged: imp:2\n');
  await e.ok('rm', 'user');
  assert.match(await e.ok('rmi', 'imp:1'), /Untagged: imp:1[\s\S]*Deleted: sha256:/);
  await e.ok('rmi', 'made:1');
});

test('images filters and formats', async () => {
  await e.ok('tag', e.image, 'flt-a:1');
  assert.is(await e.ok('images', '--filter', 'reference=flt-*', '--format', '{{.Repository}}:{{.Tag}}'), 'flt-a:1\n');
  assert.match(await e.ok('images', '--no-trunc', '--digests'), /flt-a/);
  await e.ok('rmi', 'flt-a:1');
});

test('an ordinary Dockerfile builds', async () => {
  await e.sh(
    `mkdir -p $W/b; printf 'FROM ${e.image}\\nARG V=1\\nENV B=$V\\nWORKDIR /wd\\nCOPY f /f\\nRUN echo r$V > /r\\nLABEL q=w\\nCMD cat /f /r\\n' >$W/b/Dockerfile; echo ff >$W/b/f`,
    { ok: true },
  );
  const built = await e.sh('DOCKER_BUILDKIT=0 docker build -q --build-arg V=7 -t built:1 $W/b');
  assert.is(built.code, 0, built.stderr);
  assert.is(await e.ok('run', '--rm', 'built:1'), 'ff\nr7\n');
  assert.is(await e.format('built:1', '{{.Config.Labels.q}}'), 'w');
  await e.ok('rmi', 'built:1');
});

test('a dead registry gives an error and leaves nothing', async () => {
  await registry.stop();
  const before = await e.ok('images', '-aq');
  const dead = await e.docker('pull', `${name}:2`);
  assert.is(dead.code, 1);
  assert.match(dead.stderr, /connection refused|ECONNREFUSED/);
  assert.is(await e.ok('images', '-aq'), before);
});

e.run(test, () => registry.stop());
