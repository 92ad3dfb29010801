import { inOwnNamespaces } from '../helpers/namespaces.ts';

inOwnNamespaces(import.meta.filename);

import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { fakeId, inside, networksRoom, serveText } from '../helpers/networks-room.ts';
import { rejects } from '../helpers/rejects.ts';

const plain = { hostname: 'h', ports: {} };

test('a container on the default bridge gets Docker’s addresses, route and events, and leaves nothing behind', async () => {
  await using room = await networksRoom();
  const { networks } = room;
  const info = await networks.open({ ...plain, containerId: fakeId(1), name: 'web', endpoints: { bridge: {} } });
  const bridge = networks.inspect('bridge');
  const subnet = bridge.IPAM.Config?.[0]?.Subnet ?? '';
  const base = subnet.replace(/\.0\/16$/, '');
  const hex = base.split('.').map((one) => Number(one).toString(16).padStart(2, '0'));
  const { EndpointID, ...endpoint } = info.endpoints['bridge'] ?? {};
  assert.equal(endpoint, {
    IPAMConfig: null,
    Links: null,
    Aliases: null,
    NetworkID: bridge.Id,
    Gateway: `${base}.1`,
    IPAddress: `${base}.2`,
    IPPrefixLen: 16,
    IPv6Gateway: '',
    GlobalIPv6Address: '',
    GlobalIPv6PrefixLen: 0,
    MacAddress: ['02', '42', ...hex, '02'].join(':'),
    DriverOpts: null,
    DNSNames: null,
  });
  assert.match(await inside(info.netnsPath, 'ip -o -4 addr show eth0'), `${base}.2/16`);
  assert.match(await inside(info.netnsPath, 'ip route'), `default via ${base}.1 dev eth0`);
  assert.is(await inside(info.netnsPath, `busybox ping -c1 -W5 ${base}.1 >/dev/null && echo ok`), 'ok');
  assert.is(await inside(info.netnsPath, 'ip -6 addr'), '', 'IPv6 is off');
  assert.equal(bridge.Containers[fakeId(1)], {
    Name: 'web',
    EndpointID: EndpointID ?? '',
    MacAddress: endpoint.MacAddress ?? '',
    IPv4Address: `${base}.2/16`,
    IPv6Address: '',
  });
  await networks.close(fakeId(1));
  await networks.close(fakeId(1));
  await networks.settled();
  assert.equal(room.events, [`connect bridge ${fakeId(1)}`, `disconnect bridge ${fakeId(1)}`]);
  assert.equal(room.store.all('endpoints'), []);
  assert.is(await inside(undefined, `ls ${room.dir}/netns | grep -c ${info.netnsPath.split('/').at(-1)}`), 'failed (1): 0');
});

test('many containers at once get different addresses, more than the pool has, and addresses come back', async () => {
  await using room = await networksRoom({ poolSize: 2 });
  const ids = Array.from({ length: 20 }, (_, index) => `${index}`.padStart(2, '0').repeat(32));
  for (let round = 0; round < 2; round++) {
    const infos = await Promise.all(
      ids.map((containerId) => room.networks.open({ ...plain, containerId, name: containerId, endpoints: { bridge: {} } })),
    );
    assert.is(new Set(infos.map((one) => one.endpoints['bridge']?.IPAddress)).size, ids.length);
    const [first, last] = [infos[0], infos.at(-1)];
    const peer = last?.endpoints['bridge']?.IPAddress ?? '';
    assert.is(await inside(first?.netnsPath, `busybox ping -c1 -W5 ${peer} >/dev/null && echo ok`), 'ok');
    await Promise.all(ids.map((one) => room.networks.close(one)));
  }
  await room.networks.settled();
  const info = await room.networks.open({ ...plain, containerId: fakeId(1), name: 'last', endpoints: { bridge: {} } });
  const [, , , host = '0'] = (info.endpoints['bridge']?.IPAddress ?? '').split('.');
  assert.ok(Number(host) < 60, `lowest free addresses are used again: .${host}`);
});

test('published ports are reached over the loopback, the host’s address, IPv6 and from containers on any network', async () => {
  await using room = await networksRoom();
  const { networks, dir } = room;
  await inside(undefined, 'ip addr add 10.99.0.1/24 dev lo');
  await networks.create({ Name: 'other' });
  const ports = { '80/tcp': [{ HostPort: '' }], '81/tcp': [] };
  const web = await networks.open({ ...plain, containerId: fakeId(1), name: 'web', endpoints: { bridge: {} }, ports });
  const [v4, v6] = web.ports['80/tcp'] ?? [];
  assert.equal([v4?.HostIp, v6?.HostIp], ['0.0.0.0', '::']);
  assert.is(v4?.HostPort, v6?.HostPort);
  assert.not.ok('81/tcp' in web.ports);
  await serveText(web.netnsPath, dir, 'hello');
  const near = await networks.open({ ...plain, containerId: fakeId(2), name: 'near', endpoints: { bridge: {} } });
  const far = await networks.open({ ...plain, containerId: fakeId(3), name: 'far', endpoints: { other: {} } });
  const port = v4?.HostPort;
  for (const [from, where] of [
    [undefined, '127.0.0.1'],
    [undefined, '10.99.0.1'],
    [undefined, '[::1]'],
    [near.netnsPath, '10.99.0.1'],
    [far.netnsPath, '10.99.0.1'],
    [web.netnsPath, '10.99.0.1'],
  ] as const) {
    assert.is(await inside(from, `busybox wget -qO- http://${where}:${port}/`), 'hello', `${where} from ${from ?? 'the host'}`);
  }
  await networks.close(fakeId(1));
  assert.match(await inside(undefined, `busybox wget -qO- http://127.0.0.1:${port}/`), /refused/);
});

test('a port that is taken is refused in Docker’s words, whoever has it, and nothing is left of the try', async () => {
  await using room = await networksRoom();
  const { networks } = room;
  const server = createServer().listen({ host: '127.0.0.1', port: 0 });
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  const taken = typeof address === 'object' && address ? String(address.port) : '';
  const first = await networks.open({
    ...plain,
    containerId: fakeId(1),
    name: 'one',
    endpoints: { bridge: {} },
    ports: { '80/tcp': [{ HostIp: '127.0.0.1' }], '53/udp': [{ HostIp: '127.0.0.1' }] },
  });
  const mine = first.ports['80/tcp']?.[0]?.HostPort ?? '';
  const wanted = (HostPort: string, HostIp = '127.0.0.1') => ({
    ...plain,
    containerId: fakeId(2),
    name: 'two',
    endpoints: { bridge: {} },
    ports: { '8/tcp': [{ HostIp: '127.0.0.1' }], '80/tcp': [{ HostIp, HostPort }] },
  });
  await rejects(
    networks.open(wanted(mine)),
    new RegExp(
      `^driver failed programming external connectivity on endpoint two \\(\\w{64}\\): Bind for 127.0.0.1:${mine} failed: port is already allocated$`,
    ),
  );
  await rejects(networks.open(wanted(mine, '')), /port is already allocated/);
  await rejects(
    networks.open(wanted(taken)),
    new RegExp(`Error starting userland proxy: listen tcp4 127.0.0.1:${taken}: bind: address already in use$`),
  );
  await rejects(networks.open(wanted('1', '203.0.113.9')), /cannot assign requested address/);
  assert.is(networks.netnsPath(fakeId(2)), undefined);
  assert.equal(Object.keys(networks.inspect('bridge').Containers), [fakeId(1)]);
  const udp = Number(first.ports['53/udp']?.[0]?.HostPort);
  const socket = createSocket('udp4');
  const bound = await new Promise((resolve) => {
    socket.once('error', (error) => resolve('code' in error ? error.code : error));
    socket.bind({ address: '127.0.0.1', port: udp, exclusive: true }, () => resolve('bound'));
  });
  assert.is(bound, 'EADDRINUSE', 'the daemon holds UDP ports too');
  socket.close();
  const range = await networks.open({ ...wanted(`${mine}-${Number(mine) + 3}`), containerId: fakeId(3) });
  assert.ok(Number(range.ports['80/tcp']?.[0]?.HostPort) > Number(mine), 'the next of a range is taken');
  await networks.close(fakeId(1));
  const again = await networks.open(wanted(mine));
  assert.is(again.ports['80/tcp']?.[0]?.HostPort, mine);
  await new Promise((resolve) => server.close(resolve));
});

test('UDP reaches the container over the loopback and from a neighbour’s side', async () => {
  await using room = await networksRoom();
  const { networks } = room;
  await inside(undefined, 'ip addr add 10.99.0.1/24 dev lo');
  const echo = await networks.open({
    ...plain,
    containerId: fakeId(1),
    name: 'echo',
    endpoints: { bridge: {} },
    ports: { '7/udp': [{ HostPort: '' }] },
  });
  const port = Number(echo.ports['7/udp']?.[0]?.HostPort);
  const near = await networks.open({ ...plain, containerId: fakeId(2), name: 'near', endpoints: { bridge: {} } });
  const server =
    'const s=require("dgram").createSocket("udp4");s.on("message",(m,f)=>s.send(m,f.port,f.address));s.bind(7,()=>console.log("up"))';
  const child = spawn('nsenter', [`--net=${echo.netnsPath}`, process.execPath, '-e', server], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  for (const [from, where] of [
    [undefined, '127.0.0.1'],
    [near.netnsPath, '10.99.0.1'],
  ] as const) {
    const script = `const s=require("dgram").createSocket("udp4");s.on("message",(m)=>{console.log(String(m));process.exit()});setInterval(()=>s.send("ping",${port},"${where}"),200);s.send("ping",${port},"${where}")`;
    assert.is(await inside(from, `${process.execPath} -e '${script}'`), 'ping', where);
  }
  child.kill();
  await once(child, 'exit');
});

test('addresses, hardware address and interface of one’s own are given, and a second claim is refused', async () => {
  await using room = await networksRoom();
  const { networks } = room;
  await networks.create({
    Name: 'mine',
    IPAM: {
      Config: [
        {
          Subnet: '10.213.0.0/24',
          IPRange: '10.213.0.128/25',
          Gateway: '10.213.0.254',
          AuxiliaryAddresses: { router: '10.213.0.128' },
        },
      ],
    },
    Options: {
      'com.docker.network.bridge.name': 'testbr',
      'com.docker.network.driver.mtu': '1400',
      'com.docker.network.container_iface_prefix': 'net',
    },
  });
  const settings = { IPAMConfig: { IPv4Address: '10.213.0.7', LinkLocalIPs: ['169.254.7.7'] }, MacAddress: '02:00:00:00:00:07' };
  const one = await networks.open({ ...plain, containerId: fakeId(1), name: 'one', endpoints: { mine: settings } });
  assert.is(one.endpoints['mine']?.IPAddress, '10.213.0.7');
  const link = await inside(one.netnsPath, 'ip link show net0');
  assert.match(await inside(one.netnsPath, 'ip addr show net0'), '169.254.7.7/16');
  assert.match(link, /mtu 1400/);
  assert.match(link, /02:00:00:00:00:07/);
  assert.match(await inside(undefined, 'ip -o -4 addr show testbr'), '10.213.0.254/24');
  await rejects(
    networks.open({ ...plain, containerId: fakeId(2), name: 'two', endpoints: { mine: settings } }),
    /^Address already in use$/,
  );
  const two = await networks.open({ ...plain, containerId: fakeId(2), name: 'two', endpoints: { mine: {} } });
  assert.is(two.endpoints['mine']?.IPAddress, '10.213.0.129', 'the range begins after the reserved address');
  await rejects(networks.remove('mine'), /^error while removing network: network mine id \w{64} has active endpoints$/);
  await networks.close(fakeId(1));
  const three = await networks.open({ ...plain, containerId: fakeId(3), name: 'three', endpoints: { mine: settings } });
  assert.is(three.endpoints['mine']?.IPAddress, '10.213.0.7', 'a closed container’s address is free at once');
  await networks.close(fakeId(2));
  await networks.close(fakeId(3));
  await networks.remove('mine');
  assert.match(await inside(undefined, 'ip link show testbr'), /does not exist/);
});

test('a container that starts again with what its last run was told gets what is free now, and no hardware address twice', async () => {
  await using room = await networksRoom();
  const { networks } = room;
  const open = (digit: number, settings = {}) =>
    networks.open({ ...plain, containerId: fakeId(digit), name: `c${digit}`, endpoints: { bridge: settings } });
  const first = (await open(1)).endpoints['bridge'];
  await networks.close(fakeId(1));
  await networks.settled();
  const taker = (await open(2, { MacAddress: '02:42:0a:0a:0a:0a' })).endpoints['bridge'];
  assert.is(taker?.MacAddress, '02:42:0a:0a:0a:0a');
  const again = (await open(1, first)).endpoints['bridge'];
  const hex = (again?.IPAddress ?? '').split('.').map((one) => Number(one).toString(16).padStart(2, '0'));
  assert.is(again?.MacAddress, ['02', '42', ...hex].join(':'), 'the hardware address follows the address');
  // after a daemon restart such an address counts as asked for: nobody else may get it by chance
  const next = (again?.IPAddress ?? '').replace(/\d+$/, (one) => String(Number(one) + 1));
  const asked = ['02', '42', ...next.split('.').map((one) => Number(one).toString(16).padStart(2, '0'))].join(':');
  await open(3, { MacAddress: asked });
  for (const digit of [4, 5, 6, 7, 8]) await open(digit);
  const macs = Object.values(networks.inspect('bridge').Containers).map((one) => one.MacAddress);
  assert.is(new Set(macs).size, macs.length, macs.join(' '));
});

test('none has only a loopback, host has no namespace, a deferred sandbox is wired when the barrier is reached', async () => {
  await using room = await networksRoom();
  const { networks } = room;
  const none = await networks.open({ ...plain, containerId: fakeId(1), name: 'none', endpoints: { none: {} } });
  assert.match(await inside(none.netnsPath, 'ip -br link'), /^lo\s+UNKNOWN\s+\S+ <LOOPBACK,UP,LOWER_UP>$/);
  const host = await networks.open({ ...plain, containerId: fakeId(2), name: 'host', endpoints: { host: {} } });
  assert.is(host.netnsPath, 'host');
  const ports = { '80/tcp': [{ HostIp: '127.0.0.1' }] };
  const late = await networks.open({
    ...plain,
    containerId: fakeId(3),
    name: 'late',
    endpoints: { bridge: {} },
    ports,
    wiring: 'deferred',
  });
  assert.match(late.endpoints['bridge']?.IPAddress ?? '', /^172\./);
  assert.match(await inside(late.netnsPath, 'ip link show eth0'), /does not exist/);
  await networks.wire(fakeId(3));
  await networks.wire(fakeId(3));
  await serveText(late.netnsPath, room.dir, 'late');
  assert.is(await inside(undefined, `busybox wget -qO- http://127.0.0.1:${late.ports['80/tcp']?.[0]?.HostPort}/`), 'late');
});

test.run();
