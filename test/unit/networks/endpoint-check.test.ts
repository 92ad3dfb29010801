import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkEndpoint } from '../../../daemon/networks/endpoint-check.ts';
import type { NetworkRecord } from '../../../daemon/networks/record.ts';
import type { EndpointSettings } from '../../../daemon/types/docker/network.ts';

const record = (over: Partial<NetworkRecord>): NetworkRecord => ({
  id: 'f'.repeat(64),
  name: 'net',
  driver: 'bridge',
  created: '',
  internal: false,
  attachable: false,
  enableIPv6: false,
  options: {},
  labels: {},
  ipam: { Config: [{ Subnet: '10.0.0.0/24', Gateway: '10.0.0.1' }] },
  staticSubnets: ['10.0.0.0/24'],
  predefined: false,
  ...over,
});
const given = record({});
const chosen = record({ staticSubnets: [] });
const bridge = record({ name: 'bridge', predefined: true, staticSubnets: [] });

const cases: [NetworkRecord, EndpointSettings, string | undefined][] = [
  [given, {}, undefined],
  [given, { IPAMConfig: null, Aliases: null }, undefined],
  [given, { IPAMConfig: { IPv4Address: '10.0.0.9' }, MacAddress: '02:42:0a:00:00:09', Aliases: ['a'] }, undefined],
  [bridge, {}, undefined],
  [given, { IPAMConfig: { IPv4Address: '10.0.0' } }, 'invalid IPv4 address: 10.0.0'],
  [given, { IPAMConfig: { IPv4Address: 'fd00::1' } }, 'invalid IPv4 address: fd00::1'],
  [given, { IPAMConfig: { IPv6Address: '10.0.0.9' } }, 'invalid IPv6 address: 10.0.0.9'],
  [given, { IPAMConfig: { LinkLocalIPs: ['x'] } }, 'invalid link-local IP address: x'],
  [given, { IPAMConfig: { IPv4Address: '10.0.1.9' } }, 'no configured subnet or ip-range contain the IP address 10.0.1.9'],
  [
    given,
    { IPAMConfig: { IPv6Address: 'fd00::9' } },
    'user specified IP address is supported only when connecting to networks with user configured subnets',
  ],
  [
    chosen,
    { IPAMConfig: { IPv4Address: '10.0.0.9' } },
    'user specified IP address is supported only when connecting to networks with user configured subnets',
  ],
  [bridge, { IPAMConfig: { IPv4Address: '10.0.0.9' } }, 'user specified IP address is supported on user defined networks only'],
  [bridge, { Aliases: ['a'] }, 'network-scoped alias is supported only for containers in user defined networks'],
  [given, { MacAddress: 'zz:00:00:00:00:00' }, 'invalid MAC address: zz:00:00:00:00:00'],
  [given, { MacAddress: '02:42:0a:00:00:09 x' }, 'invalid MAC address'],
];

for (const [network, settings, text] of cases) {
  test(`${JSON.stringify(settings)} on ${network.name}: ${text ?? 'fits'}`, () => {
    if (text === undefined) return checkEndpoint(network, settings);
    assert.throws(
      () => checkEndpoint(network, settings),
      (error: Error) =>
        error.message.startsWith(`invalid config for network ${network.name}: invalid endpoint settings:\n`) &&
        error.message.includes(text),
    );
  });
}

test.run();
