import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { engine } from '../helpers/engine.ts';

const e = await engine(import.meta.filename);
const serve = (text: string) => ['sh', '-c', `mkdir /w; echo ${text} >/w/index.html; exec httpd -f -p 80 -h /w`];
const answers = (url: string, text: string) =>
  e.until(`${url} answers`, async () => (await e.sh(`curl -fsS --max-time 5 ${url}`)).stdout === `${text}\n`);

test('published ports: chosen, ephemeral, UDP, in use', async () => {
  await e.ok('run', '-d', '--name', 'web', '-p', '127.0.0.1:18080:80', e.image, ...serve('pub'));
  await answers('http://127.0.0.1:18080/', 'pub');
  assert.is(await e.ok('port', 'web', '80'), '127.0.0.1:18080\n');
  assert.match(await e.ok('ps', '--filter', 'name=web', '--format', '{{.Ports}}'), /127\.0\.0\.1:18080->80\/tcp/);
  await e.ok('run', '-d', '--name', 'any', '--expose', '80', '-P', e.image, ...serve('any'));
  const port = /:(\d+)/.exec(await e.ok('port', 'any', '80'))?.[1];
  await answers(`http://127.0.0.1:${port}/`, 'any');
  const taken = await e.docker('run', '--name', 'taken', '-p', '127.0.0.1:18080:80', e.image, 'true');
  assert.match(taken.stderr, /port is already allocated/);
  assert.is(await e.format('taken', '{{.State.ExitCode}}'), '128');
  await e.ok('run', '-d', '--name', 'udp', '-p', '127.0.0.1:18081:99/udp', e.image, 'sleep', '1000');
  assert.is(await e.ok('port', 'udp'), '99/udp -> 127.0.0.1:18081\n');
  await e.ok('rm', '-f', 'taken', 'udp', 'any');
});

test('a container reaches another through its published port, a link and its namespace', async () => {
  const gateway = await e.format('web', '{{.NetworkSettings.Gateway}}');
  await e.ok('run', '-d', '--name', 'all', '-p', '18082:80', e.image, ...serve('all'));
  await answers('http://127.0.0.1:18082/', 'all');
  assert.is(await e.ok('run', '--rm', e.image, 'wget', '-qO-', `http://${gateway}:18082/`), 'all\n');
  assert.is(await e.ok('run', '--rm', '--link', 'web:lk', e.image, 'wget', '-qO-', 'http://lk/'), 'pub\n');
  assert.is(await e.ok('run', '--rm', '--network', 'container:web', e.image, 'wget', '-qO-', 'http://127.0.0.1/'), 'pub\n');
  await e.ok('rm', '-f', 'all');
});

test('user-defined networks: fixed addresses, names and aliases, connect and disconnect, removal', async () => {
  await e.ok('network', 'create', '--subnet', '10.213.7.0/24', '--gateway', '10.213.7.1', '--label', 'nl=1', 'net');
  assert.is(await e.format('net', '{{.Driver}} {{(index .IPAM.Config 0).Subnet}}', 'network'), 'bridge 10.213.7.0/24');
  await e.ok(
    'run',
    '-d',
    '--name',
    's1',
    '--network',
    'net',
    '--network-alias',
    'al',
    '--ip',
    '10.213.7.50',
    e.image,
    ...serve('n1'),
  );
  await e.until('s1 serves', async () => (await e.docker('exec', 's1', 'wget', '-qO-', 'http://127.0.0.1/')).code === 0);
  assert.is(
    await e.ok('run', '--rm', '--network', 'net', e.image, 'sh', '-c', 'wget -qO- http://s1/; wget -qO- http://al/'),
    'n1\nn1\n',
  );
  assert.is(await e.format('s1', '{{(index .NetworkSettings.Networks "net").IPAddress}}'), '10.213.7.50');
  await e.ok('run', '-d', '--name', 's2', e.image, 'sleep', '1000');
  await e.ok('network', 'connect', '--alias', 'zz', 'net', 's2');
  assert.is(await e.ok('exec', 's2', 'wget', '-qO-', 'http://al/'), 'n1\n');
  assert.match(await e.format('net', '{{json .Containers}}', 'network'), /"s2"/);
  assert.match((await e.docker('network', 'rm', 'net')).stderr, /has active endpoints/);
  await e.ok('network', 'disconnect', 'net', 's2');
  assert.is.not((await e.docker('exec', 's2', 'wget', '-T', '2', '-qO-', 'http://al/')).code, 0);
  await e.ok('rm', '-f', 's1', 's2');
  await e.ok('network', 'rm', 'net');
  assert.is((await e.docker('network', 'inspect', 'net')).code, 1);
});

test('networks are apart from each other, and an internal one has no way out', async () => {
  await e.ok('network', 'create', 'left');
  await e.ok('network', 'create', '--internal', 'right');
  await e.ok('run', '-d', '--name', 'ln', '--network', 'left', e.image, ...serve('left'));
  const address = await e.format('ln', '{{(index .NetworkSettings.Networks "left").IPAddress}}');
  await e.until('ln serves', async () => (await e.docker('exec', 'ln', 'wget', '-qO-', 'http://127.0.0.1/')).code === 0);
  assert.is.not((await e.docker('run', '--rm', e.image, 'wget', '-T', '2', '-qO-', `http://${address}/`)).code, 0);
  assert.not.match(await e.ok('run', '--rm', '--network', 'right', e.image, 'ip', 'route'), /default/);
  await e.ok('rm', '-f', 'ln');
  await e.ok('network', 'rm', 'left', 'right');
});

test('a MAC address is as asked, host shares the host’s interfaces', async () => {
  assert.match(
    await e.ok('run', '--rm', '--mac-address', '02:42:ac:11:99:98', e.image, 'ip', 'link', 'show', 'eth0'),
    /02:42:ac:11:99:98/,
  );
  assert.is(
    await e.ok('run', '--rm', '--network', 'host', e.image, 'cat', '/proc/net/dev').then((out) => out.includes('lo:')),
    true,
  );
});

test('bad requests are told as Docker tells them', async () => {
  const rows: [string[], RegExp][] = [
    [['network', 'create', 'bridge'], /operation is not permitted on predefined bridge network/],
    [['network', 'create', '--driver', 'nope', 'x'], /plugin "nope" not found|could not find plugin nope/],
    [['network', 'create', '--subnet', '10.0.0.0/99', 'x'], /invalid|CIDR/i],
    [['network', 'rm', 'bridge'], /bridge is a pre-defined network and cannot be removed/],
    [['run', '--rm', '--network', 'nope', e.image, 'true'], /network nope not found/],
  ];
  for (const [args, expected] of rows) {
    const result = await e.docker(...args);
    assert.is.not(result.code, 0, args.join(' '));
    assert.match(result.stderr, expected);
  }
});

test('what was published is gone when the containers are', async () => {
  await e.ok('rm', '-f', 'web');
  assert.is.not((await e.sh('curl -fsS --max-time 2 http://127.0.0.1:18080/')).code, 0);
});

e.run(test);
