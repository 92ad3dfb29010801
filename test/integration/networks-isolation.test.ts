import { inOwnNamespaces } from '../helpers/namespaces.ts';

inOwnNamespaces(import.meta.filename);

import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { fakeId, inside, networksRoom, serveText } from '../helpers/networks-room.ts';

const plain = { hostname: 'h', ports: {} };
const ping = (address: string, seconds = 1) => `busybox ping -c1 -W${seconds} ${address} >/dev/null && echo ok`;
const lost = /^failed \(1\)/;

/** A machine outside: a namespace with a link to the test's host, which has 198.51.100.1; its own address is 198.51.100.2. */
async function outsideWorld(): Promise<{ path: string } & AsyncDisposable> {
  const dir = mkdtempSync(join(tmpdir(), 'pouchd-outside-'));
  const path = join(dir, 'netns');
  const script = `: >${path} && unshare --net=${path} ip link set dev lo up && ip link add name uplink type veth peer name eth0 netns ${path} &&
    ip addr add 198.51.100.1/24 dev uplink && ip link set dev uplink up`;
  assert.is(await inside(undefined, script), '');
  assert.is(await inside(path, 'ip addr add 198.51.100.2/24 dev eth0; ip link set dev eth0 up'), '');
  return {
    path,
    async [Symbol.asyncDispose]() {
      assert.is(await inside(undefined, `ip link del uplink; umount ${path}; rm -r ${dir}`), '');
    },
  };
}

test('containers reach the outside behind the host’s address, and the outside reaches only published ports', async () => {
  await using room = await networksRoom();
  const { networks, dir } = room;
  await using world = await outsideWorld();
  const outside = world.path;
  await serveText(outside, dir, 'outside');
  await networks.create({ Name: 'user', IPAM: { Config: [{ Subnet: '10.213.2.0/24' }] } });
  const ports = { '80/tcp': [{ HostIp: '198.51.100.1' }] };
  const web = await networks.open({ ...plain, containerId: fakeId(1), name: 'web', endpoints: { user: {} }, ports });
  await serveText(web.netnsPath, dir, 'web');
  assert.is(await inside(web.netnsPath, 'busybox wget -qO- http://198.51.100.2/'), 'outside');
  const port = web.ports['80/tcp']?.[0]?.HostPort;
  assert.is(await inside(outside, `busybox wget -qO- http://198.51.100.1:${port}/`), 'web');
  await inside(outside, 'ip route add 10.213.2.0/24 via 198.51.100.1');
  assert.match(
    await inside(outside, ping(web.endpoints['user']?.IPAddress ?? '')),
    lost,
    'nobody comes in by the container’s own address',
  );
});

test('where another firewall drops what is forwarded, published ports are served all the same, and its rules stay as they are', async () => {
  await inside(
    undefined,
    'nft add table ip filter; nft "add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }"',
  );
  const before = await inside(undefined, 'nft list table ip filter');
  {
    await using room = await networksRoom();
    const { networks, dir } = room;
    await using world = await outsideWorld();
    const outside = world.path;
    const ports = { '80/tcp': [{ HostPort: '' }] };
    const web = await networks.open({ ...plain, containerId: fakeId(1), name: 'web', endpoints: { bridge: {} }, ports });
    await serveText(web.netnsPath, dir, 'web');
    const port = web.ports['80/tcp']?.[0]?.HostPort;
    assert.is(await inside(outside, `busybox wget -qO- http://198.51.100.1:${port}/`), 'web');
    assert.is(await inside(undefined, `busybox wget -qO- http://127.0.0.1:${port}/`), 'web');
    await inside(undefined, 'sysctl -qw net.bridge.bridge-nf-call-iptables=1'); // where the kernel has it
    await networks.create({ Name: 'apart', Options: { 'com.docker.network.bridge.enable_icc': 'false' } });
    await networks.connect(fakeId(1), 'apart', {});
    const near = await networks.open({ ...plain, containerId: fakeId(2), name: 'near', endpoints: { bridge: {}, apart: {} } });
    const ipOf = (name: string) => networks.inspect(name).Containers[fakeId(1)]?.IPv4Address.split('/')[0] ?? '';
    assert.is(await inside(near.netnsPath, `busybox wget -qO- http://${ipOf('bridge')}/`), 'web', 'a neighbour');
    assert.match(await inside(near.netnsPath, ping(ipOf('apart'))), lost, 'icc is off there');
    await networks.disconnect(fakeId(1), 'bridge');
    await networks.connect(fakeId(1), 'bridge', {});
    assert.is(await inside(near.netnsPath, `busybox wget -qO- http://${ipOf('bridge')}/`), 'web', 'a neighbour that came again');
    for (const id of [1, 2]) await networks.close(fakeId(id));
    await networks.remove('apart');
  }
  assert.is(await inside(undefined, 'nft list ruleset'), before, 'theirs is untouched, ours is gone');
  await inside(undefined, 'nft delete table ip filter');
});

test('networks cannot reach each other, internal ones cannot get out, and a container on both sees both', async () => {
  await using room = await networksRoom();
  const { networks } = room;
  await using _world = await outsideWorld();
  await networks.create({ Name: 'red' });
  await networks.create({ Name: 'inner', Internal: true });
  const red = await networks.open({ ...plain, containerId: fakeId(1), name: 'red', endpoints: { red: {} } });
  const inner = await networks.open({ ...plain, containerId: fakeId(2), name: 'inner', endpoints: { inner: {} } });
  const inner2 = await networks.open({ ...plain, containerId: fakeId(3), name: 'inner2', endpoints: { inner: {} } });
  const both = await networks.open({ ...plain, containerId: fakeId(4), name: 'both', endpoints: { inner: {}, red: {} } });
  const redIp = red.endpoints['red']?.IPAddress ?? '';
  const innerIp = inner.endpoints['inner']?.IPAddress ?? '';
  assert.not.match(await inside(inner.netnsPath, 'ip route'), 'default');
  assert.is(inner.endpoints['inner']?.Gateway, '');
  assert.is(await inside(inner2.netnsPath, ping(innerIp, 5)), 'ok');
  assert.is(await inside(both.netnsPath, ping(innerIp, 5)), 'ok');
  assert.is(await inside(both.netnsPath, ping(redIp, 5)), 'ok');
  assert.is(await inside(both.netnsPath, ping('198.51.100.2', 5)), 'ok', 'out by the network that leads out');
  assert.match(await inside(red.netnsPath, ping(innerIp)), lost);
  // an internal container that gives itself a route still does not get out
  const gateway = networks.inspect('inner').IPAM.Config?.[0]?.Gateway;
  assert.is(await inside(inner.netnsPath, `ip route add default via ${gateway}`), '');
  assert.match(await inside(inner.netnsPath, ping(redIp)), lost);
  assert.match(await inside(inner.netnsPath, ping('198.51.100.2')), lost);
});

test('with icc off, neighbours on a bridge do not reach each other but their gateway; forged loopback packets go nowhere', async () => {
  await using room = await networksRoom();
  const { networks } = room;
  await networks.create({ Name: 'apart', Options: { 'com.docker.network.bridge.enable_icc': 'false' } });
  const one = await networks.open({ ...plain, containerId: fakeId(1), name: 'one', endpoints: { apart: {} } });
  const two = await networks.open({ ...plain, containerId: fakeId(2), name: 'two', endpoints: { apart: {} } });
  const { IPAddress = '', Gateway = '' } = two.endpoints['apart'] ?? {};
  assert.is(await inside(one.netnsPath, ping(Gateway, 5)), 'ok');
  assert.match(await inside(one.netnsPath, ping(IPAddress)), lost);
  const tamper = `ip addr del 127.0.0.1/8 dev lo; ip route add 127.0.0.1 via ${Gateway} dev eth0; sysctl -qw net.ipv4.conf.all.route_localnet=1`;
  assert.match(await inside(one.netnsPath, `${tamper}; ${ping('127.0.0.1')}`), lost, 'the host’s loopback is out of reach');
});

test('IPv6: addresses, route, isolation and the way out', async () => {
  await using room = await networksRoom();
  const { networks, dir } = room;
  await networks.create({
    Name: 'six',
    EnableIPv6: true,
    IPAM: { Config: [{ Subnet: '10.213.3.0/24' }, { Subnet: 'fd00:213::/64', Gateway: 'fd00:213::1' }] },
  });
  await networks.create({ Name: 'seven', EnableIPv6: true, IPAM: { Config: [{ Subnet: 'fd00:214::/64' }] } });
  await networks.create({ Name: 'local', EnableIPv6: true });
  assert.match(networks.inspect('local').IPAM.Config?.[1]?.Subnet ?? '', /^fd[0-9a-f:]+\/64$/);
  const web = await networks.open({
    ...plain,
    containerId: fakeId(1),
    name: 'web',
    endpoints: { six: { IPAMConfig: { IPv6Address: 'fd00:213::99' } } },
  });
  const near = await networks.open({ ...plain, containerId: fakeId(2), name: 'near', endpoints: { six: {} } });
  const far = await networks.open({ ...plain, containerId: fakeId(3), name: 'far', endpoints: { seven: {} } });
  const { GlobalIPv6Address, GlobalIPv6PrefixLen, IPv6Gateway } = web.endpoints['six'] ?? {};
  assert.equal([GlobalIPv6Address, GlobalIPv6PrefixLen, IPv6Gateway], ['fd00:213::99', 64, 'fd00:213::1']);
  assert.is(near.endpoints['six']?.GlobalIPv6Address, 'fd00:213::2');
  assert.match(await inside(web.netnsPath, 'ip -6 route'), 'default via fd00:213::1 dev eth0');
  await serveText(web.netnsPath, dir, 'six');
  assert.is(await inside(near.netnsPath, 'busybox wget -qO- "http://[fd00:213::99]/"'), 'six');
  assert.match(await inside(near.netnsPath, 'busybox nslookup -type=AAAA web 127.0.0.11'), /fd00:213::99/);
  assert.match(await inside(far.netnsPath, 'busybox ping -6 -c1 -W1 fd00:213::99 >/dev/null && echo ok'), lost);
});

test('macvlan and ipvlan endpoints sit on the parent interface', async () => {
  await using room = await networksRoom();
  const { networks } = room;
  await using _world = await outsideWorld();
  const hasIpvlan = !/Unknown device type/.test(
    await inside(undefined, 'ip link add link uplink name probe type ipvlan && ip link del probe'),
  );
  const ipam = (Subnet: string) => ({ Config: [{ Subnet, Gateway: '198.51.100.1' }] });
  for (const [Driver, id, address] of [
    ['macvlan', '1', '198.51.100.33'],
    ['ipvlan', '2', '198.51.100.34'],
  ] as const) {
    if (Driver === 'ipvlan' && !hasIpvlan) continue; // not every kernel has it
    await networks.create({ Name: 'lan', Driver, Options: { parent: 'uplink' }, IPAM: ipam('198.51.100.0/24') });
    const info = await networks.open({
      ...plain,
      containerId: fakeId(id),
      name: Driver,
      endpoints: { lan: { IPAMConfig: { IPv4Address: address } } },
    });
    assert.is(await inside(info.netnsPath, ping('198.51.100.2', 5)), 'ok', Driver);
    await networks.disconnect(fakeId(id), 'lan');
    assert.match(await inside(info.netnsPath, 'ip link show eth0'), /does not exist/);
    await networks.close(fakeId(id));
    await networks.remove('lan');
  }
});

test.run();
