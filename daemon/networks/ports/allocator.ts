/*
 * Chooses host ports and holds them. A wish without a port gets the next free one of the kernel's ephemeral range; without an address it is bound on 0.0.0.0 and,
 * where the host has IPv6, on [::], with the same number.
 */
import { readFileSync } from 'node:fs';
import { internal, messageOf } from '../../errors/error.ts';
import type { PortRecord, PortWish } from '../record.ts';
import { holdPort, type PortHolder } from './holder.ts';
import { readHostPorts } from './wishes.ts';

/** A port that is ours now. */
export interface HeldPort {
  record: PortRecord;
  holder: PortHolder;
}

/** The host ports of all containers. */
export class PortAllocator {
  readonly #taken = new Map<string, PortRecord>();
  readonly #range = ephemeralRange();
  #cursor = this.#range.first;
  #hasIPv6: boolean;

  constructor(options: { hasIPv6: boolean }) {
    this.#hasIPv6 = options.hasIPv6;
  }

  /** Takes a port for each binding, or none at all. `hostIp` stands in for an empty address. Throws `internal` with Docker's words, without the endpoint's name before them. */
  async allocate(wishes: readonly PortWish[], target: string, hostIp = ''): Promise<HeldPort[]> {
    const held: HeldPort[] = [];
    try {
      for (const wish of wishes) {
        for (const { HostIp = '', HostPort = '' } of wish.bindings) {
          held.push(...(await this.#bind({ wish, hostIp: HostIp || hostIp, hostPort: HostPort, target })));
        }
      }
      return held;
    } catch (error) {
      this.release(held);
      throw error;
    }
  }

  /** Holds ports that a container has had since before a restart. Throws as `allocate`. */
  async restore(record: PortRecord, target: string): Promise<HeldPort> {
    return await this.#take(record, target);
  }

  /** Gives ports back. */
  release(held: readonly HeldPort[]): void {
    for (const { record, holder } of held) {
      this.#taken.delete(keyOf(record));
      holder.close();
    }
  }

  async #bind(binding: { wish: PortWish; hostIp: string; hostPort: string; target: string }): Promise<HeldPort[]> {
    const { wish, hostIp, hostPort, target } = binding;
    const addresses = hostIp === '' ? (this.#hasIPv6 ? ['0.0.0.0', '::'] : ['0.0.0.0']) : [hostIp];
    const wanted = readHostPorts(hostPort);
    let failure: unknown;
    for (const port of wanted ? between(wanted.first, wanted.last) : this.#ephemeral()) {
      const held: HeldPort[] = [];
      try {
        for (const address of addresses) {
          const record = { proto: wish.proto, containerPort: wish.containerPort, hostIp: address, hostPort: port };
          const one = await this.#takeOrSkip(record, target, hostIp === '' && address === '::');
          if (one) held.push(one);
        }
        return held;
      } catch (error) {
        this.release(held);
        if (!isTaken(error)) throw error;
        failure = error;
      }
    }
    if (failure !== undefined && wanted && wanted.first === wanted.last) throw failure;
    throw internal(`Bind for ${addresses[0]}:${hostPort || '0'} failed: all ports are allocated`, failure);
  }

  async #takeOrSkip(record: PortRecord, target: string, isOptional: boolean): Promise<HeldPort | undefined> {
    try {
      return await this.#take(record, target);
    } catch (error) {
      const code = codeOf(error);
      if (!isOptional || (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL')) throw error;
      this.#hasIPv6 = false;
      return undefined;
    }
  }

  async #take(record: PortRecord, target: string): Promise<HeldPort> {
    const where = record.hostIp.includes(':') ? `[${record.hostIp}]` : record.hostIp;
    if (this.#clashes(record)) throw internal(`Bind for ${where}:${record.hostPort} failed: port is already allocated`);
    this.#taken.set(keyOf(record), record); // before the wait, so that nobody else tries
    try {
      return { record, holder: await holdPort(record, target) };
    } catch (cause) {
      this.#taken.delete(keyOf(record));
      const family = record.hostIp.includes(':') ? '6' : '4';
      throw internal(
        `Error starting userland proxy: listen ${record.proto}${family} ${where}:${record.hostPort}: bind: ${wordsOf(cause)}`,
        cause,
      );
    }
  }

  #clashes(record: PortRecord): boolean {
    const isV6 = record.hostIp.includes(':');
    const wildcard = isV6 ? '::' : '0.0.0.0';
    if (record.hostIp !== wildcard)
      return this.#taken.has(keyOf(record)) || this.#taken.has(keyOf({ ...record, hostIp: wildcard }));
    return [...this.#taken.values()].some(
      (one) => one.hostPort === record.hostPort && one.proto === record.proto && one.hostIp.includes(':') === isV6,
    );
  }

  *#ephemeral(): Generator<number> {
    const { first, last } = this.#range;
    for (let tries = last - first; tries >= 0; tries--) {
      const port = this.#cursor;
      this.#cursor = port >= last ? first : port + 1;
      yield port;
    }
  }
}

function* between(first: number, last: number): Generator<number> {
  for (let port = first; port <= last; port++) yield port;
}

function keyOf({ proto, hostIp, hostPort }: PortRecord): string {
  return `${proto} ${hostIp} ${hostPort}`;
}

/** The system's code of a bind that failed; '' for a clash among our own. */
function codeOf(error: unknown): string {
  return error instanceof Error && error.cause instanceof Error && 'code' in error.cause ? String(error.cause.code) : '';
}

/** True when another port may do. */
function isTaken(error: unknown): boolean {
  return ['', 'EADDRINUSE', 'EACCES'].includes(codeOf(error));
}

function wordsOf(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : '';
  if (code === 'EADDRINUSE') return 'address already in use';
  if (code === 'EADDRNOTAVAIL') return 'cannot assign requested address';
  if (code === 'EACCES') return 'permission denied';
  return messageOf(cause);
}

function ephemeralRange(): { first: number; last: number } {
  try {
    const [first = 49153, last = 65535] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8')
      .trim()
      .split(/\s+/)
      .map(Number);
    return { first, last };
  } catch {
    return { first: 49153, last: 65535 }; // Docker's own fall-back
  }
}
