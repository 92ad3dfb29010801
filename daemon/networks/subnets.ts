/*
 * Which subnets are taken on this host (its routes: other engines, VPNs, test networks) and which one a network without a wish gets.
 */
import { readFileSync } from 'node:fs';
import { notFound } from '../errors/error.ts';
import { overlaps, type Prefix, parseCidr, prefixOf } from '../lib/ip.ts';

/** Docker's defaults: 172.17.0.0/16 to 172.31.0.0/16, then 192.168.0.0/16 in pieces of /20. */
export const defaultAddressPools: readonly { base: string; size: number }[] = [
  ...Array.from({ length: 15 }, (_, index) => ({ base: `172.${17 + index}.0.0/16`, size: 16 })),
  { base: '192.168.0.0/16', size: 20 },
];

/** Unique local addresses for networks that want IPv6 and name no subnet, as newer Dockers give them. `key`: eight hexadecimal digits of this daemon. */
export function localIPv6Pool(key: string): { base: string; size: number } {
  return { base: `fd${key.slice(0, 2)}:${key.slice(2, 6)}:${key.slice(6, 8)}00::/48`, size: 64 };
}

/** The subnets of the host's routes, both families; default routes and the loopback are left out. */
export function routedSubnets(): Prefix[] {
  return [...readRoutes('/proc/net/route', v4Route), ...readRoutes('/proc/net/ipv6_route', v6Route)];
}

function readRoutes(path: string, parse: (fields: string[]) => { prefix: Prefix; device: string } | undefined): Prefix[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return []; // a kernel without that family has no such file, and no routes
  }
  return text
    .split('\n')
    .map((line) => parse(line.trim().split(/\s+/)))
    .filter((one) => one !== undefined && one.prefix.bits > 0 && one.device !== 'lo')
    .map((one) => (one as { prefix: Prefix }).prefix); // narrowed by the filter
}

function v4Route(fields: string[]): { prefix: Prefix; device: string } | undefined {
  const [device = '', destination = '', , , , , , mask = ''] = fields;
  if (!/^[0-9A-F]{8}$/i.test(destination) || !/^[0-9A-F]{8}$/i.test(mask)) return undefined;
  const bits = swapped(mask).toString(2).replace(/0+$/, '').length;
  return { device, prefix: prefixOf({ version: 4, value: swapped(destination) }, swapped(mask) === 0n ? 0 : bits) };
}

function swapped(hex: string): bigint {
  return BigInt(`0x${hex.match(/../g)?.reverse().join('') ?? '0'}`); // the kernel writes it in host byte order
}

function v6Route(fields: string[]): { prefix: Prefix; device: string } | undefined {
  const [destination = '', length = ''] = fields;
  if (!/^[0-9a-f]{32}$/i.test(destination)) return undefined;
  const bits = Number.parseInt(length, 16);
  return { device: fields.at(-1) ?? '', prefix: prefixOf({ version: 6, value: BigInt(`0x${destination}`) }, bits) };
}

/** The first subnet of the pools that overlaps nothing taken. Throws Docker's notFound when there is none left. */
export function freeSubnet(pools: readonly { base: string; size: number }[], taken: readonly Prefix[], version: 4 | 6): Prefix {
  for (const pool of pools) {
    const base = parseCidr(pool.base)?.prefix;
    if (!base || base.version !== version || pool.size < base.bits) continue;
    const step = 1n << BigInt((version === 4 ? 32 : 128) - pool.size);
    const count = Math.min(2 ** Math.min(pool.size - base.bits, 20), 1 << 20);
    for (let index = 0; index < count; index++) {
      const candidate: Prefix = { version, base: base.base + BigInt(index) * step, bits: pool.size };
      if (!taken.some((one) => overlaps(one, candidate))) return candidate;
    }
  }
  throw notFound(
    `could not find an available, non-overlapping IPv${version} address pool among the defaults to assign to the network`,
  );
}
