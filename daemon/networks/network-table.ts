import { invalidArgument, notFound } from '../errors/error.ts';
import type { Network } from './contract.ts';
import { type NetworkPools, poolsOf } from './ipam.ts';
import type { NetworkRecord } from './record.ts';

/** The networks in memory, with the addresses of each. */
export class NetworkTable {
  readonly #records = new Map<string, NetworkRecord>();
  readonly #pools = new Map<string, NetworkPools>();

  add(record: NetworkRecord): void {
    this.#records.set(record.id, record);
    this.#pools.set(record.id, poolsOf(record));
  }

  remove(id: string): void {
    this.#records.delete(id);
    this.#pools.delete(id);
  }

  all(): NetworkRecord[] {
    return [...this.#records.values()];
  }

  get(id: string): NetworkRecord | undefined {
    return this.#records.get(id);
  }

  pools(id: string): NetworkPools {
    return this.#pools.get(id) ?? { macs: new Set() };
  }

  /** By full id, then name, then unique id prefix. Throws invalidArgument for an ambiguous prefix, with Docker's text. */
  find(ref: string): NetworkRecord | undefined {
    const exact = this.#records.get(ref);
    if (exact) return exact;
    const wanted = ref === 'default' ? 'bridge' : ref; // HostConfig.NetworkMode `default` is the default bridge
    for (const record of this.#records.values()) if (record.name === wanted) return record;
    if (!/^[0-9a-f]+$/.test(ref)) return undefined;
    const hits = this.all().filter((one) => one.id.startsWith(ref));
    if (hits.length > 1) throw invalidArgument(`network ${ref} is ambiguous (${hits.length} matches found based on ID prefix)`);
    return hits[0];
  }

  /** As `find`; throws notFound `network REF not found`. */
  resolve(ref: string): NetworkRecord {
    const found = this.find(ref);
    if (!found) throw notFound(`network ${ref} not found`);
    return found;
  }

  /** The default bridge. */
  defaultBridge(): NetworkRecord {
    return this.resolve('bridge');
  }
}

/** What the floors above see of a network. */
export function networkOf(record: NetworkRecord): Network {
  const { id, name, driver, internal, labels, created } = record;
  return { id, name, driver, internal, labels, created };
}
