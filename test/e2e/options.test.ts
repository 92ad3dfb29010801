import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { engine } from '../helpers/engine.ts';

const e = await engine(import.meta.filename);

/** Each row: what a user asks for, and what the container must say. */
const rows: [name: string, args: string[], command: string, expected: RegExp][] = [
  ['env-file and env', ['--env', 'E1=e', '--env', 'E2=x y'], 'echo "$E1,$E2"', /^e,x y$/],
  [
    'user, group and supplementary groups',
    ['-u', '1234:5678', '--group-add', '99'],
    'id -u; id -g; id -G',
    /^1234\n5678\n5678 99$/,
  ],
  ['a working folder that is not there is made', ['-w', '/tmp/new'], 'pwd', /^\/tmp\/new$/],
  [
    'dns and extra hosts',
    ['--dns', '9.9.9.9', '--dns-search', 'ex.org', '--dns-option', 'ndots:3', '--add-host', 'foo:1.2.3.4'],
    'cat /etc/resolv.conf /etc/hosts',
    /nameserver 9\.9\.9\.9[\s\S]*1\.2\.3\.4\s+foo/,
  ],
  ['tmpfs with options', ['--tmpfs', '/t:size=1m,mode=700'], 'mount | grep " /t "; df -k /t | tail -1', /tmpfs[\s\S]*1024/],
  ['shm size', ['--shm-size', '32m'], 'df -k /dev/shm | tail -1', /32768/],
  [
    'read-only root with a writable tmpfs',
    ['--read-only', '--tmpfs', '/tmp'],
    'touch /x 2>&1; touch /tmp/x && echo ok',
    /Read-only[\s\S]*ok$/,
  ],
  ['ulimits', ['--ulimit', 'nofile=321:654'], 'ulimit -n; ulimit -Hn', /^321\n654$/],
  [
    'sysctls',
    ['--sysctl', 'net.ipv4.ip_unprivileged_port_start=77'],
    'cat /proc/sys/net/ipv4/ip_unprivileged_port_start',
    /^77$/,
  ],
  ['devices', ['--device', '/dev/null:/dev/mynull'], 'echo x >/dev/mynull && ls -l /dev/mynull', /^c/],
  [
    'added and dropped capabilities',
    ['--cap-drop', 'ALL', '--cap-add', 'NET_ADMIN'],
    'grep CapEff /proc/self/status',
    /0000000000001000/,
  ],
  ['seccomp off', ['--security-opt', 'seccomp=unconfined'], 'grep -w Seccomp /proc/self/status', /0$/],
  [
    'a runtime and a cgroup parent by name',
    ['--runtime', 'runc', '--cgroup-parent', '/pouchd-e2e'],
    'cat /proc/self/cgroup',
    /pouchd-e2e/,
  ],
  ['only the loopback without a network', ['--network', 'none'], 'ls /sys/class/net', /^lo$/],
];

for (const [name, args, command, expected] of rows) {
  test(name, async () => {
    const result = await e.docker('run', '--rm', ...args, e.image, 'sh', '-c', command);
    assert.match(result.stdout.trim(), expected, `${result.stdout}${result.stderr}`);
  });
}

test('the host’s pid, uts and ipc namespaces are shared when asked, and another container’s', async () => {
  const host = (await e.sh('hostname')).stdout;
  assert.is(await e.ok('run', '--rm', '--pid', 'host', '--uts', 'host', '--ipc', 'host', e.image, 'hostname'), host);
  await e.ok('run', '-d', '--name', 'other', e.image, 'sleep', '4321');
  assert.match(await e.ok('run', '--rm', '--pid', 'container:other', e.image, 'ps'), /sleep 4321/);
  await e.ok('rm', '-f', 'other');
});

test('binds: rw, ro, and a missing source refused for --mount', async () => {
  await e.sh('mkdir -p $W/b; echo hb >$W/b/f', { ok: true });
  assert.is((await e.sh(`docker run --rm -v $W/b:/b ${e.image} sh -c 'cat /b/f; echo w >/b/g'; cat $W/b/g`)).stdout, 'hb\nw\n');
  assert.match((await e.sh(`docker run --rm -v $W/b:/b:ro ${e.image} touch /b/h`)).stderr, /Read-only/);
  const missing = await e.sh(`docker run --rm --mount type=bind,src=$W/none,dst=/m ${e.image} true`);
  assert.match(missing.stderr, /bind source path does not exist/);
});

test('volumes: named ones keep, are copied up, are refused while in use, are shared by volumes-from', async () => {
  await e.ok('run', '--rm', '-v', 'keep:/d', e.image, 'sh', '-c', 'echo kept >/d/f');
  assert.is(await e.ok('run', '--rm', '-v', 'keep:/d:ro', e.image, 'cat', '/d/f'), 'kept\n');
  await e.ok('create', '--name', 'holder', '-v', 'keep:/d', '-v', '/etc', e.image, 'true');
  assert.match((await e.docker('volume', 'rm', 'keep')).stderr, /volume is in use/);
  assert.is(
    await e.ok('run', '--rm', '--volumes-from', 'holder', e.image, 'sh', '-c', 'cat /d/f; test -f /etc/passwd && echo copied'),
    'kept\ncopied\n',
  );
  await e.ok('rm', '-v', 'holder');
  await e.ok('volume', 'rm', 'keep');
});

test('volume create, filters, labels and prune', async () => {
  await e.ok('volume', 'create', '--label', 'x=y', 'vol');
  assert.is(await e.ok('volume', 'ls', '-q', '--filter', 'label=x=y', '--filter', 'name=vol'), 'vol\n');
  assert.is(await e.format('vol', '{{.Driver}} {{.Scope}}', 'volume'), 'local local');
  const pruned = await e.api('POST', `/v1.41/volumes/prune?filters=${encodeURIComponent('{"label":{"x=y":true}}')}`);
  assert.equal(JSON.parse(pruned.body).VolumesDeleted, ['vol']);
  assert.is((await e.docker('volume', 'inspect', 'vol')).code, 1);
});

test('--init reaps and passes signals', async () => {
  assert.match(await e.ok('run', '--rm', '--init', e.image, 'cat', '/proc/1/comm'), /init|tini/);
});

test('system df and info count what is there', async () => {
  assert.match(await e.ok('system', 'df', '--format', '{{.Type}} {{.TotalCount}}'), /^Images [1-9]/);
  await e.ok('system', 'df', '-v');
  assert.match(await e.ok('info', '-f', '{{.OSType}}|{{.NCPU}}|{{.DefaultRuntime}}'), /^linux\|\d+\|runc/);
});

e.run(test);
