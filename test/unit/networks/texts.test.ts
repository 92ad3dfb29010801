import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isLoopbackServer, parseResolvConf } from '../../../daemon/lib/resolv-conf.ts';
import { readBlockingChains } from '../../../daemon/networks/forward-policy.ts';
import { readLinks } from '../../../daemon/networks/links.ts';
import { portMapOf, readHostPorts, readPortWishes } from '../../../daemon/networks/ports/wishes.ts';
import { ipErrors, nftErrors } from '../../../daemon/networks/programs.ts';
import { portRules } from '../../../daemon/networks/rules.ts';
import type { PortMap } from '../../../daemon/types/docker/container.ts';

test('what ip and nft complain of is told without the markers around it', () => {
  assert.equal(ipErrors('Command failed -:3\nError: ipv4: Address already assigned.\nCommand failed -:5\n'), [
    'Error: ipv4: Address already assigned.',
  ]);
  assert.equal(ipErrors('Command failed -:3\n'), []);
  const marker = 'Error: No such file or directory\n'; // its second line is what the coprocess cuts at
  assert.is(nftErrors(`              ^^^^^^^\n${marker}`), '');
  const bad = 'Error: Could not process rule: File exists\nadd chain ip x y; add z\n             ^\n';
  assert.is(nftErrors(bad + marker), 'Error: Could not process rule: File exists (at x)');
});

test('links are read with their aliases', () => {
  const text =
    '1: lo: <LOOPBACK> mtu 65536 qdisc noop\\    link/loopback 00\n2: pouch0: <UP> mtu 1500\\    link/ether aa\\    alias pouchd:1234\n3: xx@eth9: <M-DOWN> mtu 1500\\    link/ether 32\n';
  assert.equal(
    [...readLinks(text)],
    [
      ['lo', ''],
      ['pouch0', 'pouchd:1234'],
      ['xx', ''],
    ],
  );
});

test('chains that drop forwarded packets are found, in nft and behind it', () => {
  const nft = [
    'table ip filter {',
    '\tchain INPUT {',
    '\t\ttype filter hook input priority filter; policy drop;',
    '\t}',
    '\tchain FORWARD {',
    '\t\ttype filter hook forward priority filter; policy drop;',
    '\t}',
    '\tchain DOCKER {',
    '\t}',
    '}',
    'table ip6 filter {',
    '\tchain FORWARD {',
    '\t\ttype filter hook forward priority filter; policy drop;',
    '\t}',
    '}',
    'table inet fw {',
    '\tchain fwd {',
    '\t\ttype filter hook forward priority filter; policy accept;',
    '\t}',
    '}',
  ];
  assert.equal(readBlockingChains(nft.join('\n')), ['filter FORWARD']);
  assert.equal(readBlockingChains('-P FORWARD DROP\n-A FORWARD -j X'), ['filter FORWARD']);
  assert.equal(readBlockingChains(''), []);
});

test('Docker’s port bindings are read, and nonsense is refused', () => {
  const wishes = readPortWishes({
    '80/tcp': [{ HostPort: '8080' }],
    '53/udp': [{}],
    '9': [{ HostPort: '1-2' }],
    '1/tcp': null,
    '2/tcp': [],
  });
  assert.equal(
    wishes.map((one) => `${one.proto} ${one.containerPort}`),
    ['tcp 9', 'tcp 80', 'udp 53'],
  );
  assert.equal(
    [readHostPorts(''), readHostPorts('0'), readHostPorts('80'), readHostPorts('80-90')],
    [undefined, undefined, { first: 80, last: 80 }, { first: 80, last: 90 }],
  );
  const nonsense: PortMap[] = [
    { 'x/tcp': [{}] },
    { '0/tcp': [{}] },
    { '70000/tcp': [{}] },
    { '80/icmp': [{}] },
    { '80/tcp': [{ HostIp: 'localhost' }] },
    { '80/tcp': [{ HostPort: 'x' }] },
    { '80/tcp': [{ HostPort: '90-80' }] },
    { '80/tcp': [{ HostPort: '99999' }] },
    { '80/tcp; reboot': [{}] },
  ];
  for (const ports of nonsense) {
    assert.throws(() => readPortWishes(ports), /invalid (port specification|protocol|IP address)/, JSON.stringify(ports));
  }
});

test('published ports become elements of one map for an address, another for all', () => {
  const ports = [
    { proto: 'tcp', containerPort: 80, hostIp: '0.0.0.0', hostPort: 8080 },
    { proto: 'tcp', containerPort: 80, hostIp: '::', hostPort: 8080 },
    { proto: 'udp', containerPort: 53, hostIp: '127.0.0.1', hostPort: 53 },
  ] as const;
  assert.equal(portRules('add', 't', ports, '10.0.0.2'), [
    'add element ip t by_address { 127.0.0.1 . udp . 53 : 10.0.0.2 . 53 }',
    'add element ip t by_port { tcp . 8080 : 10.0.0.2 . 80 }',
  ]);
  assert.equal(portRules('delete', 't', ports, ''), [
    'delete element ip t by_address { 127.0.0.1 . udp . 53 }',
    'delete element ip t by_port { tcp . 8080 }',
  ]);
  assert.equal(portMapOf(ports), {
    '80/tcp': [
      { HostIp: '0.0.0.0', HostPort: '8080' },
      { HostIp: '::', HostPort: '8080' },
    ],
    '53/udp': [{ HostIp: '127.0.0.1', HostPort: '53' }],
  });
});

test('a resolv.conf is read as the C library does', () => {
  const text =
    '# made by hand\nnameserver 10.0.0.1 ; first\nnameserver fd00::1\nsearch a.example b.example\noptions ndots:2 timeout:1\ndomain c.example\nnameserver\n';
  assert.equal(parseResolvConf(text), {
    servers: ['10.0.0.1', 'fd00::1'],
    search: ['c.example'],
    options: ['ndots:2', 'timeout:1'],
  });
  assert.equal(['127.0.0.53', '::1', '10.0.0.1'].map(isLoopbackServer), [true, true, false]);
});

test.run();
