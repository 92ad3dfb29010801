import { existsSync } from 'node:fs';
import type { Programs } from './programs.ts';
import type { PortRecord } from './record.ts';
import {
  baseRules,
  type Family,
  type HostFacts,
  type NetworkRules,
  networkRules,
  portRules,
  removeNetworkRules,
} from './rules.ts';

/** Ports of one container and the address they lead to. */
export interface PublishedPorts {
  ports: readonly PortRecord[];
  address: string;
}

/** Keeps our nft tables in step with networks and ports: each change is one transaction. */
export class Firewall {
  readonly table: string;
  readonly #programs: Programs;
  readonly #families: readonly Family[];

  /** `key` tells this daemon's tables from another's on the same host. */
  constructor(programs: Programs, key: string) {
    this.#programs = programs;
    this.table = `pouchd_${key}`;
    this.#families = existsSync('/proc/net/if_inet6') ? ['ip', 'ip6'] : ['ip'];
  }

  /** Puts everything in place at once; whatever stood in our tables (of a daemon that was killed) is gone. */
  async reset(networks: readonly NetworkRules[], published: readonly PublishedPorts[], host: HostFacts): Promise<void> {
    await this.#programs.nft([
      ...this.#families.flatMap((family) => [
        ...baseRules(family, this.table, host),
        ...networks.flatMap((one) => networkRules(family, this.table, one)),
      ]),
      ...published.flatMap(({ ports, address }) => portRules('add', this.table, ports, address)),
    ]);
  }

  async addNetwork(rules: NetworkRules): Promise<void> {
    await this.#programs.nft(this.#families.flatMap((family) => networkRules(family, this.table, rules)));
  }

  async removeNetwork(rules: NetworkRules): Promise<void> {
    await this.#programs.nft(this.#families.flatMap((family) => removeNetworkRules(family, this.table, rules)));
  }

  async publish({ ports, address }: PublishedPorts): Promise<void> {
    await this.#programs.nft(portRules('add', this.table, ports, address));
  }

  async unpublish({ ports, address }: PublishedPorts): Promise<void> {
    await this.#programs.nft(portRules('delete', this.table, ports, address));
  }

  /** Removes our tables: at the end of tests; a stopping daemon leaves them, its containers go on. */
  async clear(): Promise<void> {
    await this.#programs.nft(
      this.#families.flatMap((family) => [`add table ${family} ${this.table}`, `delete table ${family} ${this.table}`]),
    );
  }
}
