import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  addressOfReverseName,
  contains,
  formatAddress,
  formatPrefix,
  overlaps,
  parseAddress,
  parseCidr,
} from '../../../daemon/lib/ip.ts';
import { AddressPool, macOf } from '../../../daemon/networks/ipam.ts';
import { freeSubnet } from '../../../daemon/networks/subnets.ts';

const prefix = (text: string) => parseCidr(text)!.prefix;
const address = (text: string) => parseAddress(text)!;

test('addresses of both families are read and told in their canonical form', () => {
  for (const [text, canonical] of [
    ['0.0.0.0', '0.0.0.0'],
    ['172.17.255.1', '172.17.255.1'],
    ['::', '::'],
    ['::1', '::1'],
    ['fe80::', 'fe80::'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
    ['::ffff:10.1.2.3', '::ffff:a01:203'],
  ] as const) {
    assert.is(formatAddress(address(text)), canonical);
  }
  for (const text of ['', '1.2.3', '1.2.3.4.5', '256.1.1.1', '1.2.3.4/8', 'fe80::1%eth0', '1::2::3', ':', 'g::'])
    assert.is(parseAddress(text), undefined, text);
});

test('prefixes: host bits, containment, overlap, nonsense', () => {
  assert.is(formatPrefix(prefix('10.1.2.3/9')), '10.0.0.0/9');
  assert.is(formatPrefix(prefix('fd00::1/64')), 'fd00::/64');
  assert.ok(contains(prefix('10.0.0.0/8'), address('10.255.255.255')));
  assert.not.ok(contains(prefix('::/0'), address('10.0.0.1')));
  assert.ok(overlaps(prefix('10.0.0.0/8'), prefix('10.9.0.0/16')));
  assert.not.ok(overlaps(prefix('10.0.0.0/16'), prefix('10.1.0.0/16')));
  for (const text of ['10.0.0.0', '10.0.0.0/33', 'fd00::/129', '/8', '10.0.0.0/-1', '10.0.0.0/8/8'])
    assert.is(parseCidr(text), undefined, text);
});

test('reverse names', () => {
  assert.equal(addressOfReverseName('2.0.17.172.in-addr.arpa'), address('172.17.0.2'));
  const six = '9.9.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.3.1.2.0.0.0.0.0.0.0.d.f.IP6.ARPA.';
  assert.equal(addressOfReverseName(six), address('fd00:0:213::99'));
  for (const text of ['in-addr.arpa', '1.2.3.in-addr.arpa', 'x.ip6.arpa', 'web'])
    assert.is(addressOfReverseName(text), undefined, text);
});

test('a pool gives the lowest free address, never network, broadcast, gateway or reserved ones, and ends', () => {
  const pool = new AddressPool(prefix('10.0.0.0/29'), { gateway: address('10.0.0.1'), reserved: [address('10.0.0.3')] });
  const taken = Array.from({ length: 5 }, () => pool.next()).map((one) => one && formatAddress(one));
  assert.equal(taken, ['10.0.0.2', '10.0.0.4', '10.0.0.5', '10.0.0.6', undefined]);
  pool.release(address('10.0.0.5'));
  pool.release(address('10.0.0.4'));
  assert.not.ok(pool.isFull());
  assert.ok(pool.claim(address('10.0.0.4')));
  assert.not.ok(pool.claim(address('10.0.0.4')));
  assert.equal(pool.next(), address('10.0.0.5'));
  assert.ok(pool.isFull());
});

test('a range limits what is given, not what may be asked for', () => {
  const pool = new AddressPool(prefix('10.0.0.0/24'), { range: prefix('10.0.0.252/30'), gateway: address('10.0.0.253') });
  assert.equal([pool.next(), pool.next(), pool.next()], [address('10.0.0.252'), address('10.0.0.254'), undefined]);
  assert.ok(pool.claim(address('10.0.0.9')));
});

test('free subnets avoid what is taken, also when it is larger or smaller', () => {
  const pools = [{ base: '10.0.0.0/8', size: 16 }];
  assert.is(formatPrefix(freeSubnet(pools, [prefix('10.0.0.0/15'), prefix('10.2.128.0/30')], 4)), '10.3.0.0/16');
  assert.throws(() => freeSubnet(pools, [], 6), /IPv6 address pool/);
});

test('hardware addresses are Docker’s', () => {
  assert.is(macOf(address('172.17.0.2')), '02:42:ac:11:00:02');
  assert.match(macOf(undefined), /^02:42(:[0-9a-f]{2}){4}$/);
});

test.run();
