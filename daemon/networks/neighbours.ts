/*
 * With br_netfilter on (Docker and Kubernetes turn it on), frames between two ports of a bridge pass the host's FORWARD chains too, and where another engine has set their
 * policy to drop, containers on one network of ours would not reach each other. Then, and only then, a netdev table of our own hands a frame for a neighbour's
 * hardware address straight from one veth to the other, before the bridge sees it. Networks with icc off are left out.
 */
import { readFileSync } from 'node:fs';
import { booleanOption, bridgeOptions } from './drivers/bridge.ts';
import type { Programs } from './programs.ts';
import type { EndpointRecord, NetworkRecord } from './record.ts';

interface Port {
  network: string;
  mac: string;
  device: string;
}

/** The ports of our bridges, and the shortcuts between them while they are needed. */
export class Neighbours {
  readonly #programs: Programs;
  readonly #table: string;
  readonly #ports = new Map<string, Port>();
  #isOn = false;

  constructor(programs: Programs, table: string) {
    this.#programs = programs;
    this.#table = table;
  }

  /** Remembers an endpoint that has just been wired to a bridge, and gives it its shortcut. */
  async add(network: NetworkRecord, endpoint: EndpointRecord): Promise<void> {
    if (network.driver !== 'bridge' || booleanOption(network.options, bridgeOptions.icc) === false) return;
    const port = { network: network.id.slice(0, 12), mac: endpoint.mac, device: endpoint.hostIfname };
    this.#ports.set(endpoint.id, port);
    if (this.#isOn) await this.#programs.nft(addPort(this.#table, port));
  }

  /** Forgets endpoints; call it before their devices go. */
  async remove(endpoints: readonly EndpointRecord[]): Promise<void> {
    const commands: string[] = [];
    for (const { id } of endpoints) {
      const port = this.#ports.get(id);
      this.#ports.delete(id);
      if (port && this.#isOn) commands.push(...removePort(this.#table, port));
    }
    await this.#programs.nft(commands);
  }

  /** Turns the shortcuts on or off, for all ports at once. `hasTable`: one of ours stands, perhaps from before. */
  async apply(isForwardBlocked: boolean, hasTable: boolean): Promise<void> {
    const isOn = isForwardBlocked && isBridgeFiltered();
    const table = `netdev ${this.#table}`;
    const fresh = hasTable || this.#isOn ? [`delete table ${table}`] : [];
    this.#isOn = false;
    await this.#programs.nft(
      isOn ? [...fresh, `add table ${table}`, ...[...this.#ports.values()].flatMap((one) => addPort(this.#table, one))] : fresh,
    );
    this.#isOn = isOn;
  }

  /** Removes the table. */
  async clear(): Promise<void> {
    await this.apply(false, false);
  }
}

function isBridgeFiltered(): boolean {
  try {
    return readFileSync('/proc/sys/net/bridge/bridge-nf-call-iptables', 'utf8').trim() === '1';
  } catch {
    return false; // br_netfilter is not loaded
  }
}

function addPort(table: string, { network, mac, device }: Port): string[] {
  const t = `netdev ${table}`;
  return [
    `add map ${t} macs_${network} { type ether_addr : verdict; }`,
    `add chain ${t} to_${device}`,
    `add rule ${t} to_${device} fwd to "${device}"`,
    `add chain ${t} in_${device} { type filter hook ingress device "${device}" priority 0; policy accept; }`,
    `add rule ${t} in_${device} ether daddr vmap @macs_${network}`,
    `add element ${t} macs_${network} { ${mac} : goto to_${device} }`,
  ];
}

function removePort(table: string, { network, mac, device }: Port): string[] {
  const t = `netdev ${table}`;
  return [
    `delete element ${t} macs_${network} { ${mac} }`,
    `flush chain ${t} to_${device}`,
    `delete chain ${t} to_${device}`,
    `flush chain ${t} in_${device}`,
    `delete chain ${t} in_${device}`,
  ];
}
