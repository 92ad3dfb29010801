/*
 * Who has which address. Nothing is stored: at start the addresses of the saved endpoints are claimed again. Free addresses are given lowest first, as Docker does, from
 * the ip-range of a pool; a static one may lie anywhere in the subnet.
 */
import { forbidden, invalidArgument, PouchError } from '../errors/error.ts';
import { type Address, contains, formatAddress, lastOf, type Prefix, parseAddress, parseCidr } from '../lib/ip.ts';
import type { NetworkRecord } from './record.ts';

/** The addresses of one subnet. */
export class AddressPool {
  readonly prefix: Prefix;
  readonly gateway: Address | undefined;
  readonly #first: bigint;
  readonly #last: bigint;
  readonly #used = new Set<bigint>();
  #hint: bigint;

  constructor(prefix: Prefix, options: { range?: Prefix; gateway?: Address; reserved?: readonly Address[] } = {}) {
    this.prefix = prefix;
    this.gateway = options.gateway;
    const range = options.range ?? prefix;
    this.#first = range.base;
    this.#last = lastOf(range);
    this.#hint = this.#first;
    const spare = prefix.version === 4 ? prefix.bits < 31 : prefix.bits < 127;
    if (spare) this.#used.add(prefix.base);
    if (spare && prefix.version === 4) this.#used.add(lastOf(prefix));
    if (options.gateway) this.#used.add(options.gateway.value);
    for (const one of options.reserved ?? []) this.#used.add(one.value);
  }

  /** The lowest free address, or undefined when all are taken. */
  next(): Address | undefined {
    for (let value = this.#hint; value <= this.#last; value++) {
      if (this.#used.has(value)) continue;
      this.#used.add(value);
      this.#hint = value + 1n;
      return { version: this.prefix.version, value };
    }
    return undefined;
  }

  /** True when `next` would find nothing. */
  isFull(): boolean {
    const address = this.next();
    if (address) this.release(address);
    return address === undefined;
  }

  /** Takes that address; false when somebody has it. */
  claim(address: Address): boolean {
    if (this.#used.has(address.value)) return false;
    this.#used.add(address.value);
    return true;
  }

  has(address: Address): boolean {
    return this.#used.has(address.value);
  }

  release(address: Address): void {
    this.#used.delete(address.value);
    if (address.value >= this.#first && address.value < this.#hint) this.#hint = address.value;
  }
}

/** The pools of one network, at most one a family, and the hardware addresses in use. */
export interface NetworkPools {
  v4?: AddressPool;
  v6?: AddressPool;
  macs: Set<string>;
}

/** Builds the pools of a network from its completed IPAM configuration. */
export function poolsOf(network: NetworkRecord): NetworkPools {
  const pools: NetworkPools = { macs: new Set() };
  for (const config of network.ipam.Config) {
    const subnet = parseCidr(config.Subnet);
    if (!subnet) throw new PouchError('internal', `network ${network.name} has a bad subnet ${config.Subnet}`);
    const gateway = config.Gateway ? parseAddress(config.Gateway.split('/')[0] ?? '') : undefined;
    const range = config.IPRange ? parseCidr(config.IPRange)?.prefix : undefined;
    const reserved = Object.values(config.AuxiliaryAddresses ?? {})
      .map(parseAddress)
      .filter((one) => one !== undefined);
    const key = subnet.prefix.version === 4 ? 'v4' : 'v6';
    pools[key] ??= new AddressPool(subnet.prefix, { range, gateway, reserved });
  }
  return pools;
}

/** Takes an address of the pool, the wanted one or the next. Throws Docker's `Address already in use` and `no available IPv4 addresses on this network's address pools`. */
export function takeAddress(pool: AddressPool, network: NetworkRecord, wanted?: string): Address {
  if (wanted) {
    const address = parseAddress(wanted);
    if (!address || !contains(pool.prefix, address)) {
      throw invalidArgument(`Invalid address ${wanted}: It does not belong to any of this network's subnets`);
    }
    if (!pool.claim(address)) throw forbidden('Address already in use');
    return address;
  }
  const address = pool.next();
  if (address) return address;
  throw forbidden(
    `no available IPv${pool.prefix.version} addresses on this network's address pools: ${network.name} (${network.id})`,
  );
}

/** `172.17.0.2/16` of an address of the pool. */
export function withPrefix(pool: AddressPool, address: Address): string {
  return `${formatAddress(address)}/${pool.prefix.bits}`;
}

/** The hardware address for an address, one that nobody on the network has. */
export function takeMac(pools: NetworkPools, address: Address | undefined): string {
  let mac = macOf(address);
  while (pools.macs.has(mac)) mac = macOf(undefined); // somebody asked for it by name
  pools.macs.add(mac);
  return mac;
}

/** The hardware address Docker gives: 02:42 and the IPv4 address; random for none. */
export function macOf(address: Address | undefined): string {
  const value = address?.version === 4 ? Number(address.value) : Math.floor(Math.random() * 2 ** 32);
  const bytes = [24, 16, 8, 0].map((shift) => ((value / 2 ** shift) & 255).toString(16).padStart(2, '0'));
  return ['02', '42', ...bytes].join(':');
}
