import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { engine } from '../helpers/engine.ts';

const e = await engine(import.meta.filename);

test('the output of a container arrives on the right stream, byte for byte', async () => {
  const split = await e.docker('run', '--rm', e.image, 'sh', '-c', 'echo out; echo err >&2');
  assert.equal([split.stdout, split.stderr, split.code], ['out\n', 'err\n', 0]);
  const big = await e.sh(
    `docker run --rm ${e.image} sh -c 'dd if=/dev/zero bs=1M count=20 2>/dev/null' | sha256sum | cut -c1-64`,
  );
  const same = await e.sh('head -c 20971520 /dev/zero | sha256sum | cut -c1-64');
  assert.is(big.stdout, same.stdout);
});

test('stdin reaches the process whole and its end is told', async () => {
  assert.is((await e.sh(`printf 'a\\nb\\n' | docker run -i --rm ${e.image} wc -l`)).stdout.trim(), '2');
  const both = await e.sh(
    `head -c 20000000 /dev/urandom >$W/r; docker run -i --rm ${e.image} cat <$W/r | cmp - $W/r && echo same`,
  );
  assert.is(both.stdout, 'same\n', both.stderr);
});

test('exit codes are the process’s own, 127 for a missing command and 126 for one that cannot run', async () => {
  const codes: number[] = [];
  for (const command of [['sh', '-c', 'exit 42'], ['/no/such/cmd'], ['/etc'], ['true']]) {
    codes.push((await e.docker('run', '--rm', e.image, ...command)).code);
  }
  assert.equal(codes, [42, 127, 126, 0]);
});

test('a terminal has a tty, a size and is interactive', async () => {
  const tty = await e.sh(`script -qec "docker run -it --rm ${e.image} sh -c 'tty; echo done'" /dev/null`);
  assert.match(tty.stdout, /\/dev\/pts\/\d+[\s\S]*done/);
  const size =
    await e.expect(`spawn docker run -it --rm ${e.image} sh -c {while ! stty size | grep -q "33 99"; do sleep 0.1; done; echo sized}
stty rows 33 columns 99 < $spawn_out(slave,name)
expect sized {exit 0} timeout {exit 1} eof {exit 1}`);
  assert.is(size.code, 0, size.stdout);
  const shell = await e.expect(`spawn docker run -it --rm ${e.image} sh
expect "# "
send "echo a\\$((40+2))b\\r"
expect a42b {} timeout {exit 1}
send "exit 3\\r"
expect eof
exit [lindex [wait] 3]`);
  assert.is(shell.code, 3, shell.stdout);
});

test('the detach keys leave the container running, and attach finds it again', async () => {
  const detached = await e.expect(`spawn docker run -it --name keys ${e.image} sh
expect "# "
send "\\x10"
sleep 0.2
send "\\x11"
expect eof`);
  assert.is(detached.code, 0, detached.stdout);
  assert.is(await e.format('keys', '{{.State.Running}}'), 'true');
  const again = await e.expect(`spawn docker attach keys
send "\\r"
expect "# "
send "echo v\\$((1+1))\\r"
expect v2 {} timeout {exit 1}
send "exit\\r"
expect eof`);
  assert.is(again.code, 0, again.stdout);
  await e.until('keys has ended', async () => (await e.format('keys', '{{.State.Running}}')) === 'false');
  await e.ok('rm', 'keys');
});

test('detached, named, limited, labelled: what was asked is what inspect tells and the kernel does', async () => {
  const id = (
    await e.ok(
      ...['run', '-d', '--name', 'web', '--hostname', 'hh', '--label', 'a=1', '-m', '64m', '--cpus', '0.5', '--pids-limit', '77'],
      ...['-e', 'E=1', '-w', '/tmp', '-u', 'nobody', e.image, 'sleep', '1000'],
    )
  ).trim();
  assert.is(id.length, 64);
  const told = await e.format(
    'web',
    '{{.Config.Hostname}} {{.Config.Labels.a}} {{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.Config.User}}',
  );
  assert.is(told, 'hh 1 67108864 500000000 nobody');
  const inside = await e.ok(
    'exec',
    'web',
    'sh',
    '-c',
    'hostname; echo $E; pwd; id -un; cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null || cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max',
  );
  assert.equal(inside.trim().split('\n').slice(0, 6), ['hh', '1', '/tmp', 'nobody', '67108864', '77']);
  await e.ok('rm', '-f', 'web');
});

test('an ordinary container is confined as under dockerd', async () => {
  const status = await e.ok('run', '--rm', e.image, 'cat', '/proc/self/status');
  assert.match(status, /Seccomp:\s+2/);
  const caps = /CapBnd:\s+(\w+)/.exec(status)?.[1] ?? '';
  assert.is((BigInt(`0x${caps}`) & ~0xa80425fbn).toString(), '0', `more capabilities than Docker's default: ${caps}`);
  const mounts = await e.ok('run', '--rm', e.image, 'cat', '/proc/mounts');
  assert.match(mounts, /^proc \/proc\/sys proc ro,/m);
  assert.match(mounts, /^\S+ \/proc\/(keys|timer_list) (tmpfs|devtmpfs) /m);
  assert.match(mounts, /^\S+ \/sys sysfs ro,/m);
  const nnp = await e.ok(
    'run',
    '--rm',
    '--security-opt',
    'no-new-privileges',
    '--cap-drop',
    'ALL',
    e.image,
    'grep',
    '-E',
    'NoNewPrivs|CapEff',
    '/proc/self/status',
  );
  assert.match(nnp, /CapEff:\s+0000000000000000[\s\S]*NoNewPrivs:\s+1/);
});

test('--rm removes the container and its anonymous volumes', async () => {
  const before = await e.ok('volume', 'ls', '-q');
  await e.ok('run', '--rm', '-v', '/data', '--name', 'gone', e.image, 'touch', '/data/x');
  await e.until('gone is removed', async () => (await e.docker('inspect', 'gone')).code !== 0);
  assert.is(await e.ok('volume', 'ls', '-q'), before);
});

test('an image that is not there is told as Docker tells it', async () => {
  const missing = await e.docker('run', '--rm', '127.0.0.1:1/none:none', 'true');
  assert.is(missing.code, 125);
  assert.match(missing.stderr, /Unable to find image '127\.0\.0\.1:1\/none:none' locally/);
});

e.run(test);
