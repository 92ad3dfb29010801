import { inOwnNamespaces } from '../helpers/namespaces.ts';

inOwnNamespaces(import.meta.filename);

import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { buildResponse, readQuery } from '../../daemon/networks/dns/message.ts';
import { fakeId, inside, networksRoom, serveText } from '../helpers/networks-room.ts';

const plain = { hostname: '', ports: {} };

/** Asks 127.0.0.11 in a namespace; gives `Address`es, or a reverse name, or the kind of failure. */
async function ask(netns: string, name: string, type = 'A'): Promise<string[]> {
  const text = await inside(netns, `busybox nslookup -type=${type} ${name} 127.0.0.11`);
  if (/NXDOMAIN/.test(text)) return ['NXDOMAIN'];
  if (/SERVFAIL/.test(text)) return ['SERVFAIL'];
  const answers = text.split('\n').flatMap((line) => /^(?:Address: |.*name = )(\S+)$/.exec(line)?.[1] ?? []);
  return answers.sort();
}

/** Asks over TCP by hand: the question for A of `name`; gives the response code and the number of answers. */
async function askTcp(netns: string, name: string): Promise<string> {
  const labels = name
    .split('.')
    .map((one) => `\\${one.length.toString(8).padStart(3, '0')}${one}`)
    .join('');
  const size = name.length + 18;
  const query = `\\000\\${size.toString(8).padStart(3, '0')}\\022\\064\\001\\000\\000\\001\\000\\000\\000\\000\\000\\000${labels}\\000\\000\\001\\000\\001`;
  const hex = await inside(netns, `printf '${query}' | busybox nc 127.0.0.11 53 | busybox od -An -tx1 | tr -d ' \\n'`);
  return `code ${Number.parseInt(hex.slice(11, 12), 16)} answers ${Number.parseInt(hex.slice(16, 20), 16)}`;
}

test('names, aliases, short ids and reverse names of a user-defined network are answered, others are not known there', async () => {
  await using room = await networksRoom({ config: { dns: ['127.0.0.1#1'] } });
  const { networks } = room;
  await networks.create({ Name: 'one' });
  await networks.create({ Name: 'two' });
  const web = await networks.open({
    ...plain,
    containerId: fakeId('a'),
    name: 'web',
    endpoints: { one: { Aliases: ['www', 'shared'] } },
  });
  const db = await networks.open({
    ...plain,
    containerId: fakeId('b'),
    name: 'db',
    hostname: 'dbhost',
    endpoints: { one: { Aliases: ['shared'] }, two: {} },
  });
  const lone = await networks.open({
    ...plain,
    containerId: fakeId('c'),
    name: 'lone',
    endpoints: { two: { Links: ['db:store'] } },
  });
  assert.equal(web.dns.servers, ['127.0.0.11']);
  assert.equal(web.endpoints['one']?.DNSNames, ['web', 'www', 'shared', 'a'.repeat(12)]);
  const webIp = web.endpoints['one']?.IPAddress ?? '';
  const dbIp = db.endpoints['one']?.IPAddress ?? '';
  const dbTwo = db.endpoints['two']?.IPAddress ?? '';
  const reverse = `${webIp.split('.').reverse().join('.')}.in-addr.arpa`;
  const cases: [string, string, string, string[]][] = [
    [db.netnsPath, 'web', 'A', [webIp]],
    [db.netnsPath, 'WWW', 'A', [webIp]],
    [db.netnsPath, 'a'.repeat(12), 'A', [webIp]],
    [db.netnsPath, 'web.one', 'A', [webIp]],
    [db.netnsPath, 'web', 'AAAA', []],
    [web.netnsPath, 'shared', 'A', [webIp, dbIp].sort()],
    [web.netnsPath, 'dbhost', 'A', [dbIp]],
    [web.netnsPath, 'lone', 'A', ['SERVFAIL']],
    [web.netnsPath, reverse, 'PTR', ['web.one']],
    [lone.netnsPath, 'db', 'A', [dbTwo]],
    [lone.netnsPath, 'store', 'A', [dbTwo]],
    [lone.netnsPath, 'web', 'A', ['SERVFAIL']],
    [lone.netnsPath, reverse, 'PTR', ['SERVFAIL']],
  ];
  for (const [netns, name, type, expected] of cases) assert.equal(await ask(netns, name, type), expected, `${type} ${name}`);
  assert.is(await askTcp(web.netnsPath, 'shared'), 'code 0 answers 2');
  networks.rename(fakeId('a'), 'renamed');
  assert.equal(await ask(db.netnsPath, 'renamed'), [webIp]);
  assert.equal(await ask(db.netnsPath, 'web'), ['SERVFAIL']);
  await networks.close(fakeId('b'));
  assert.equal(await ask(web.netnsPath, 'shared'), [webIp]);
});

test('a running container that is connected finds the names, with connections to them, until it is disconnected', async () => {
  await using room = await networksRoom({ config: { dns: ['127.0.0.1#1'] } });
  const { networks } = room;
  await networks.create({ Name: 'late', IPAM: { Config: [{ Subnet: '10.213.1.0/24' }] } });
  const ports = { '80/tcp': [{ HostIp: '127.0.0.1' }] };
  const web = await networks.open({ ...plain, containerId: fakeId(1), name: 'web', endpoints: { late: {} }, ports });
  await serveText(web.netnsPath, room.dir, 'there');
  const info = await networks.open({ ...plain, containerId: fakeId(2), name: 'guest', endpoints: { bridge: {} } });
  assert.not.equal(info.dns.servers, ['127.0.0.11']);
  const got = await networks.connect(fakeId(2), 'late', { Aliases: ['visitor'], IPAMConfig: { IPv4Address: '10.213.1.77' } });
  assert.equal([got.IPAddress, got.Gateway, got.DNSNames], ['10.213.1.77', '10.213.1.1', ['guest', 'visitor', '2'.repeat(12)]]);
  assert.equal(networks.dns(fakeId(2))?.servers, ['127.0.0.11']);
  assert.equal(await ask(info.netnsPath, 'web'), [web.endpoints['late']?.IPAddress]);
  assert.equal(await ask(web.netnsPath, 'visitor'), ['10.213.1.77']);
  assert.is(await inside(info.netnsPath, `busybox wget -qO- http://${web.endpoints['late']?.IPAddress}/`), 'there');
  assert.match(await inside(info.netnsPath, 'ip route'), /default via 172\.\S+ dev eth0/, 'bridge comes before late');
  // the web container gets a second network that comes first by name: route and published port move there
  await networks.create({ Name: 'early' });
  const moved = await networks.connect(fakeId(1), 'early', {});
  assert.match(await inside(web.netnsPath, 'ip route'), `default via ${moved.Gateway} dev eth1`);
  const url = `http://127.0.0.1:${web.ports['80/tcp']?.[0]?.HostPort}/`;
  assert.is(await inside(undefined, `busybox wget -qO- ${url}`), 'there');
  await networks.disconnect(fakeId(1), 'late');
  assert.is(await inside(undefined, `busybox wget -qO- ${url}`), 'there');
  assert.equal(Object.keys(networks.inspect('late').Containers), [fakeId(2)]);
  assert.equal(await ask(info.netnsPath, 'web'), ['SERVFAIL']);
  assert.is(await askTcp(web.netnsPath, 'web'), 'code 0 answers 1', '127.0.0.11 goes by the network that is left');
  await networks.disconnect(fakeId(2), 'late');
  assert.match(await inside(info.netnsPath, 'ip link show eth1'), /does not exist/);
  assert.equal(
    room.events.filter((one) => one.includes('late')),
    [
      'create late',
      `connect late ${fakeId(1)}`,
      `connect late ${fakeId(2)}`,
      `disconnect late ${fakeId(1)}`,
      `disconnect late ${fakeId(2)}`,
    ],
  );
});

test('other names go to the host’s resolvers, or the container’s own, over UDP and TCP, and not from internal networks', async () => {
  const asked: string[] = [];
  const answer = (protocol: string, message: Buffer): Buffer | undefined => {
    const question = readQuery(message);
    if (!question) return undefined;
    asked.push(`${protocol} ${question.name}`);
    if (question.name === 'missing.example') return buildResponse(message, question, { code: 3 });
    return buildResponse(message, question, {
      code: 0,
      answers: question.type === 1 ? [{ type: 'A', address: '192.0.2.7' }] : [],
    });
  };
  const udp = createSocket('udp4');
  udp.on('message', (message, from) => udp.send(answer('udp', message) ?? '', from.port, from.address));
  await new Promise<void>((resolve) => udp.bind(0, '127.0.0.1', resolve));
  const { port } = udp.address();
  const tcp = createServer((client) =>
    client.on('data', (chunk: Buffer) => {
      const body = answer('tcp', chunk.subarray(2));
      if (body) client.write(Buffer.concat([Buffer.from([body.length >> 8, body.length & 255]), body]));
    }),
  );
  await new Promise<void>((resolve) => tcp.listen(port, '127.0.0.1', resolve));
  await using room = await networksRoom({ config: { dns: ['127.0.0.1#1', `127.0.0.1#${port}`] } });
  const { networks } = room;
  await networks.create({ Name: 'net' });
  await networks.create({ Name: 'inner', Internal: true });
  const web = await networks.open({ ...plain, containerId: fakeId(1), name: 'web', endpoints: { net: {} } });
  const own = await networks.open({
    ...plain,
    containerId: fakeId(2),
    name: 'own',
    endpoints: { net: {} },
    dns: ['127.0.0.1#1'],
  });
  const inner = await networks.open({ ...plain, containerId: fakeId(3), name: 'inner', endpoints: { inner: {} } });
  assert.equal(await ask(web.netnsPath, 'www.example'), ['192.0.2.7'], 'the second server answers when the first does not');
  assert.equal(await ask(web.netnsPath, 'missing.example'), ['NXDOMAIN']);
  assert.is(await askTcp(web.netnsPath, 'www.example'), 'code 0 answers 1');
  assert.equal(await ask(own.netnsPath, 'www.example'), ['SERVFAIL']);
  assert.equal(await ask(inner.netnsPath, 'www.example'), ['SERVFAIL']);
  assert.equal(await ask(inner.netnsPath, 'inner'), [inner.endpoints['inner']?.IPAddress]);
  assert.equal([...new Set(asked)].sort(), ['tcp www.example', 'udp missing.example', 'udp www.example']);
  udp.close();
  await new Promise((resolve) => tcp.close(resolve));
});

test.run();
