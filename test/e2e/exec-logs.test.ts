import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { engine } from '../helpers/engine.ts';

const e = await engine(import.meta.filename);
await e.ok('run', '-d', '--name', 'main', e.image, 'sh', '-c', 'echo started; exec sleep 1000');

test('exec gives output, codes, user, folder and environment', async () => {
  assert.is(await e.ok('exec', 'main', 'echo', 'q'), 'q\n');
  assert.is((await e.docker('exec', 'main', 'sh', '-c', 'exit 33')).code, 33);
  assert.ok([126, 127].includes((await e.docker('exec', 'main', '/nope')).code));
  const inside = await e.ok('exec', '-u', 'nobody', '-w', '/tmp', '-e', 'A=b', 'main', 'sh', '-c', 'id -un; pwd; echo $A');
  assert.is(inside, 'nobody\n/tmp\nb\n');
});

test('exec: stdin half-close ends stdin alone, later output still comes, 20 MB go both ways', async () => {
  assert.is((await e.sh('printf z | docker exec -i main sh -c "cat; sleep 0.5; echo late"')).stdout, 'zlate\n');
  const both = await e.sh('head -c 20000000 /dev/urandom >$W/x; docker exec -i main cat <$W/x | cmp - $W/x && echo same');
  assert.is(both.stdout, 'same\n', both.stderr);
});

test('exec: detached, with a terminal, resized', async () => {
  await e.ok('exec', '-d', 'main', 'touch', '/dd');
  await e.until('the detached exec ran', async () => (await e.docker('exec', 'main', 'test', '-f', '/dd')).code === 0);
  assert.match((await e.sh('script -qec "docker exec -it main tty" /dev/null')).stdout, /\/dev\/pts/);
  const sized =
    await e.expect(`spawn docker exec -it main sh -c {while ! stty size | grep -q "21 77"; do sleep 0.1; done; echo sized}
stty rows 21 columns 77 < $spawn_out(slave,name)
expect sized {exit 0} timeout {exit 1} eof {exit 1}`);
  assert.is(sized.code, 0, sized.stdout);
});

test('logs: tail, timestamps, since, until, stderr, follow to the end', async () => {
  await e.ok('run', '--name', 'five', e.image, 'sh', '-c', 'for i in 1 2 3 4 5; do echo l$i; done');
  assert.is(await e.ok('logs', '--tail', '2', 'five'), 'l4\nl5\n');
  assert.match(await e.ok('logs', '-t', 'five'), /^\d{4}-\d\d-\d\dT[\d:.]+Z l1$/m);
  assert.is((await e.ok('logs', '--since', '1h', 'five')).split('\n').length - 1, 5);
  assert.is(await e.ok('logs', '--until', '1h', 'five'), '');
  await e.ok('run', '--name', 'err', e.image, 'sh', '-c', 'echo E >&2');
  const split = await e.docker('logs', 'err');
  assert.equal([split.stdout, split.stderr], ['', 'E\n']);
  await e.ok('run', '-d', '--name', 'slow', e.image, 'sh', '-c', 'for i in 1 2 3; do echo f$i; sleep 0.2; done');
  assert.is(await e.ok('logs', '-f', 'slow'), 'f1\nf2\nf3\n');
  await e.ok('rm', 'five', 'err', 'slow');
});

test('log rotation keeps the newest, and the driver none keeps nothing', async () => {
  await e.ok(
    ...['run', '--name', 'rot', '--log-opt', 'max-size=10k', '--log-opt', 'max-file=2', e.image],
    ...['sh', '-c', 'i=0; while [ $i -lt 600 ]; do echo line-$i-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; i=$((i+1)); done'],
  );
  const kept = await e.ok('logs', 'rot');
  assert.ok(kept.includes('line-599') && !kept.includes('line-0-'));
  await e.ok('run', '--name', 'dumb', '--log-driver', 'none', e.image, 'echo', 'z');
  assert.match((await e.docker('logs', 'dumb')).stderr, /does not support reading/);
  await e.ok('rm', 'rot', 'dumb');
});

test('attach follows output and takes the exit code', async () => {
  await e.ok('create', '-i', '--name', 'att', e.image, 'sh', '-c', 'read x; echo attached $x; exit 4');
  await e.ok('start', 'att');
  const attached = await e.sh('echo line | docker attach att');
  assert.equal([attached.stdout, attached.code], ['attached line\n', 4]);
  await e.ok('rm', 'att');
});

test('cp goes in and out, of running and stopped containers, and never leaves the root', async () => {
  await e.sh('mkdir -p $W/d/s; echo 1 >$W/d/a; echo 2 >$W/d/s/b', { ok: true });
  await e.sh('docker cp $W/d main:/cpd', { ok: true });
  assert.is(await e.ok('exec', 'main', 'cat', '/cpd/s/b'), '2\n');
  assert.is((await e.sh('docker cp main:/cpd/a $W/back && cat $W/back')).stdout, '1\n');
  await e.ok('create', '--name', 'still', e.image, 'true');
  assert.is((await e.sh('echo z >$W/z; docker cp $W/z still:/tmp/z; docker cp still:/tmp/z - | tar xO')).stdout, 'z\n');
  assert.match(
    (await e.sh('docker cp still:/nope $W/')).stderr,
    /Could not find the file \/nope in container still|No such container:path: still:\/nope/,
  );
  await e.ok('exec', 'main', 'ln', '-s', '/../../../../../../etc', '/escape');
  const through = await e.sh('docker cp main:/escape/hostname - | tar xO');
  assert.is(through.stdout, await e.ok('exec', 'main', 'cat', '/etc/hostname'));
  await e.ok('rm', 'still');
});

e.run(test);
