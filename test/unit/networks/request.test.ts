import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { kindOf } from '../../../daemon/errors/error.ts';
import { parseCidr } from '../../../daemon/lib/ip.ts';
import { silentLogger } from '../../../daemon/lib/log.ts';
import { createBridgeDriver } from '../../../daemon/networks/drivers/bridge.ts';
import type { NetworkDriver } from '../../../daemon/networks/drivers/driver.ts';
import { createSubinterfaceDriver } from '../../../daemon/networks/drivers/macvlan.ts';
import { createPlainDriver } from '../../../daemon/networks/drivers/plain.ts';
import { createPrograms } from '../../../daemon/networks/programs.ts';
import type { NetworkRecord } from '../../../daemon/networks/record.ts';
import { type RequestWorld, readCreateRequest } from '../../../daemon/networks/request.ts';
import { defaultAddressPools } from '../../../daemon/networks/subnets.ts';
import type { NetworkCreateRequest } from '../../../daemon/types/docker/network.ts';

const programs = createPrograms(); // starts nothing by itself
const drivers: NetworkDriver[] = [
  createBridgeDriver({ programs, log: silentLogger, alias: 'test' }),
  createPlainDriver('host'),
  createPlainDriver('null'),
  createSubinterfaceDriver('macvlan'),
  createSubinterfaceDriver('ipvlan'),
];

function world(networks: NetworkRecord[] = [], routed: string[] = []): RequestWorld {
  return {
    networks,
    drivers: new Map(drivers.map((one) => [one.name, one])),
    addressPools: defaultAddressPools,
    routed: () => routed.map((one) => parseCidr(one)!.prefix),
  };
}

const read = (request: NetworkCreateRequest, where = world()): NetworkRecord => readCreateRequest(request, where);
const existing = read({
  Name: 'there',
  IPAM: { Config: [{ Subnet: '10.0.0.0/24' }] },
  Options: { 'com.docker.network.bridge.name': 'brx' },
});
const host = { ...read({ Name: 'h' }), name: 'host', driver: 'host' };

test('a request without wishes is completed: bridge, the first free subnet, its first address as gateway', () => {
  const record = read({ Name: 'a' }, world([read({ Name: 'b' })], ['172.18.0.0/15']));
  assert.equal(
    [record.driver, record.ipam],
    ['bridge', { Driver: 'default', Options: null, Config: [{ Subnet: '172.20.0.0/16', Gateway: '172.20.0.1' }] }],
  );
  assert.equal(record.staticSubnets, []);
});

test('wishes are kept: gateway from the range, reserved addresses, both families', () => {
  const config = [
    { Subnet: '10.1.0.0/16', IPRange: '10.1.4.0/24', AuxiliaryAddresses: { a: '10.1.4.0' } },
    { Subnet: 'fd00:1::/64' },
  ];
  const record = read({ Name: 'a', EnableIPv6: true, IPAM: { Config: config } });
  assert.equal(record.ipam.Config, [
    { Subnet: '10.1.0.0/16', IPRange: '10.1.4.0/24', Gateway: '10.1.4.1', AuxiliaryAddresses: { a: '10.1.4.0' } },
    { Subnet: 'fd00:1::/64', Gateway: 'fd00:1::1' },
  ]);
  assert.equal(record.staticSubnets, ['10.1.0.0/16', 'fd00:1::/64']);
});

const subnet = (Config: NonNullable<NetworkCreateRequest['IPAM']>['Config']) => ({ Name: 'n', IPAM: { Config } });
const refusals: [NetworkCreateRequest, string, string][] = [
  [{ Name: '' }, 'invalidArgument', 'invalid name: name is empty'],
  [{ Name: '  ' }, 'invalidArgument', 'invalid name: name is empty'],
  [{ Name: 'bridge' }, 'forbidden', 'operation is not permitted on predefined bridge network '],
  [{ Name: 'none' }, 'forbidden', 'operation is not permitted on predefined none network '],
  [{ Name: 'there' }, 'alreadyExists', 'network with name there already exists'],
  [{ Name: 'n', Driver: 'overlay' }, 'notFound', 'plugin "overlay" not found'],
  [{ Name: 'n', IPAM: { Driver: 'mine' } }, 'notFound', 'plugin "mine" not found'],
  [{ Name: 'n', Scope: 'swarm' }, 'unavailable', 'This node is not a swarm manager'],
  [{ Name: 'n', Ingress: true }, 'unavailable', 'This node is not a swarm manager'],
  [{ Name: 'n', Driver: 'host' }, 'forbidden', 'only one instance of "host" network is allowed'],
  [{ Name: 'n', Driver: 'macvlan' }, 'invalidArgument', 'macvlan networks need a parent interface'],
  [{ Name: 'n', Driver: 'ipvlan', Options: { parent: 'a b' } }, 'invalidArgument', 'invalid parent interface "a b"'],
  [
    { Name: 'n', Driver: 'macvlan', Options: { parent: 'eth0', macvlan_mode: 'x' } },
    'invalidArgument',
    'unknown macvlan mode: x',
  ],
  [{ Name: 'n', Options: { 'com.docker.network.bridge.name': 'brx' } }, 'forbidden', 'networks have same bridge name'],
  [{ Name: 'n', Options: { 'com.docker.network.bridge.name': 'a; reboot' } }, 'invalidArgument', 'invalid bridge name'],
  [{ Name: 'n', Options: { 'com.docker.network.bridge.name': 'sixteencharacter' } }, 'invalidArgument', 'invalid bridge name'],
  [
    { Name: 'n', Options: { 'com.docker.network.container_iface_prefix': 'e\nlink' } },
    'invalidArgument',
    'invalid interface prefix',
  ],
  [
    { Name: 'n', Options: { 'com.docker.network.driver.mtu': 'big' } },
    'invalidArgument',
    'failed to parse com.docker.network.driver.mtu value: big',
  ],
  [
    { Name: 'n', Options: { 'com.docker.network.bridge.enable_icc': 'maybe' } },
    'invalidArgument',
    'strconv.ParseBool: parsing "maybe": invalid syntax',
  ],
  [subnet([{ Subnet: '10.0.0.128/25' }]), 'forbidden', 'Pool overlaps with other one on this address space'],
  [subnet([{ Subnet: '10.9.0.0/24' }, { Subnet: '10.8.0.0/24' }]), 'forbidden', "bridge driver doesn't support multiple subnets"],
  [
    subnet([{ Subnet: 'nonsense' }]),
    'invalidArgument',
    'invalid network config:\ninvalid subnet nonsense: invalid CIDR block notation',
  ],
  [subnet([{ Subnet: '10.9.0.1/24' }]), 'invalidArgument', 'invalid subnet 10.9.0.1/24: it should be 10.9.0.0/24'],
  [
    subnet([{ Subnet: '10.9.0.0/24', Gateway: '10.8.0.1' }]),
    'invalidArgument',
    "invalid gateway 10.8.0.1: parent subnet 10.9.0.0/24 doesn't contain this address",
  ],
  [subnet([{ Subnet: '10.9.0.0/24', Gateway: 'x' }]), 'invalidArgument', 'invalid gateway x: invalid address'],
  [
    subnet([{ Subnet: '10.9.0.0/24', Gateway: 'fd00::1' }]),
    'invalidArgument',
    'invalid gateway fd00::1: parent subnet is an IPv4 block',
  ],
  [
    subnet([{ Subnet: '10.9.0.0/24', IPRange: '10.9.0.0/16' }]),
    'invalidArgument',
    'invalid ip-range 10.9.0.0/16: CIDR block is bigger than its parent subnet 10.9.0.0/24',
  ],
  [
    subnet([{ Subnet: '10.9.0.0/24', IPRange: '10.7.0.0/25' }]),
    'invalidArgument',
    "invalid ip-range 10.7.0.0/25: parent subnet 10.9.0.0/24 doesn't contain ip-range",
  ],
  [
    subnet([{ Subnet: '10.9.0.0/24', IPRange: '10.9.0.1/25' }]),
    'invalidArgument',
    'invalid ip-range 10.9.0.1/25: it should be 10.9.0.0/25',
  ],
  [
    subnet([{ Subnet: '10.9.0.0/24', AuxiliaryAddresses: { a: '10.8.0.1' } }]),
    'invalidArgument',
    'invalid auxiliary address 10.8.0.1',
  ],
  [subnet([{ Gateway: '10.9.0.1' }]), 'invalidArgument', 'a subnet must be given too'],
];

for (const [request, kind, text] of refusals) {
  test(`refused with ${kind}: ${JSON.stringify(request)}`, () => {
    try {
      read(request, world([existing, host]));
    } catch (error) {
      assert.is(kindOf(error), kind);
      assert.ok(error instanceof Error && error.message.includes(text), `${error instanceof Error ? error.message : error}`);
      return;
    }
    assert.unreachable('it was taken');
  });
}

test('when all pools are used up, Docker’s words', () => {
  const tiny = {
    ...world([read({ Name: 'a', IPAM: { Config: [{ Subnet: '192.0.2.0/24' }] } })]),
    addressPools: [{ base: '192.0.2.0/24', size: 25 }],
  };
  assert.throws(
    () => read({ Name: 'b' }, tiny),
    /could not find an available, non-overlapping IPv4 address pool among the defaults/,
  );
});

test.run();
