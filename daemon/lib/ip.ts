/*
 * Arithmetic on IPv4 and IPv6 addresses and prefixes. An address is `{ version, value }` with the value as a bigint, so both families share all code; a
 * prefix is an address with its host bits cleared and a length. `parse*` return undefined for anything that is not exactly one; formatting is canonical (RFC 5952).
 */
import { isIPv4, isIPv6 } from 'node:net';

/** An address as a number. */
export interface Address {
  readonly version: 4 | 6;
  readonly value: bigint;
}

/** A subnet: `base` has all host bits cleared. */
export interface Prefix {
  readonly version: 4 | 6;
  readonly base: bigint;
  readonly bits: number;
}

const width = (version: 4 | 6): number => (version === 4 ? 32 : 128);

/** `172.17.0.2` or `fd00::1`; no zone, no port, no prefix. */
export function parseAddress(text: string): Address | undefined {
  if (isIPv4(text)) return { version: 4, value: text.split('.').reduce((sum, part) => (sum << 8n) | BigInt(part), 0n) };
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const [head = '', tail] = expandDotted(text).split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const middle: string[] = tail === undefined ? [] : new Array<string>(8 - left.length - right.length).fill('0');
  const value = [...left, ...middle, ...right].reduce((sum, part) => (sum << 16n) | BigInt(`0x${part}`), 0n);
  return { version: 6, value };
}

function expandDotted(text: string): string {
  const at = text.lastIndexOf(':') + 1;
  const last = text.slice(at);
  if (!last.includes('.')) return text;
  const value = last.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  return `${text.slice(0, at)}${Math.floor(value / 65536).toString(16)}:${(value % 65536).toString(16)}`;
}

/** The canonical text of an address. */
export function formatAddress({ version, value }: Address): string {
  if (version === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
  const groups = Array.from({ length: 8 }, (_, index) => Number((value >> BigInt(112 - 16 * index)) & 0xffffn));
  const { start, length } = longestZeros(groups);
  const hex = groups.map((group) => group.toString(16));
  if (length < 2) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}

function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
    start += length;
  }
  return best;
}

/** `10.1.2.3/24` as its address and its prefix; undefined when it is no such thing. */
export function parseCidr(text: string): { address: Address; prefix: Prefix } | undefined {
  const match = /^([^/]+)\/(\d{1,3})$/.exec(text);
  const address = match?.[1] === undefined ? undefined : parseAddress(match[1]);
  const bits = Number(match?.[2]);
  if (!address || bits > width(address.version)) return undefined;
  return { address, prefix: prefixOf(address, bits) };
}

/** The prefix of that length around an address. */
export function prefixOf({ version, value }: Address, bits: number): Prefix {
  const host = BigInt(width(version) - bits);
  return { version, base: (value >> host) << host, bits };
}

/** The canonical text of a prefix: `10.1.2.0/24`. */
export function formatPrefix({ version, base, bits }: Prefix): string {
  return `${formatAddress({ version, value: base })}/${bits}`;
}

/** The highest address of a prefix. */
export function lastOf({ version, base, bits }: Prefix): bigint {
  return base + (1n << BigInt(width(version) - bits)) - 1n;
}

/** True when the address lies in the prefix; never for the other family. */
export function contains(prefix: Prefix, address: Address): boolean {
  return prefix.version === address.version && address.value >= prefix.base && address.value <= lastOf(prefix);
}

/** True when the two share an address. */
export function overlaps(one: Prefix, other: Prefix): boolean {
  return one.version === other.version && one.base <= lastOf(other) && other.base <= lastOf(one);
}

/** The name that DNS asks for in a reverse look-up, or undefined for a name that is not of in-addr.arpa or ip6.arpa. */
export function addressOfReverseName(name: string): Address | undefined {
  const lower = name.toLowerCase().replace(/\.$/, '');
  if (lower.endsWith('.in-addr.arpa')) return parseAddress(lower.slice(0, -13).split('.').reverse().join('.'));
  if (!lower.endsWith('.ip6.arpa')) return undefined;
  const digits = lower.slice(0, -9).split('.').reverse().join('');
  if (!/^[0-9a-f]{32}$/.test(digits)) return undefined;
  return { version: 6, value: BigInt(`0x${digits}`) };
}
