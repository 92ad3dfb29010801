import type { EndpointRecord, SandboxRecord } from './record.ts';

/** Who asks and who answers on user-defined networks: an index over the endpoints of all sandboxes. */
export class NameTable {
  /** `networkId name` -> endpoints that answer to the name, in the order in which they came. */
  readonly #byName = new Map<string, EndpointRecord[]>();
  readonly #byAddress = new Map<string, { sandbox: SandboxRecord; endpoint: EndpointRecord }>();

  /** Takes an endpoint in; names of the default networks are not served and come empty. */
  add(sandbox: SandboxRecord, endpoint: EndpointRecord): void {
    for (const address of addressesOf(endpoint)) this.#byAddress.set(address, { sandbox, endpoint });
    for (const name of endpoint.dnsNames) {
      const key = keyOf(endpoint.networkId, name);
      const list = this.#byName.get(key);
      if (list) list.push(endpoint);
      else this.#byName.set(key, [endpoint]);
    }
  }

  remove(endpoint: EndpointRecord): void {
    for (const address of addressesOf(endpoint)) {
      if (this.#byAddress.get(address)?.endpoint.id === endpoint.id) this.#byAddress.delete(address);
    }
    for (const name of endpoint.dnsNames) {
      const key = keyOf(endpoint.networkId, name);
      const rest = (this.#byName.get(key) ?? []).filter((one) => one.id !== endpoint.id);
      if (rest.length > 0) this.#byName.set(key, rest);
      else this.#byName.delete(key);
    }
  }

  /** The endpoints of a network that answer to a name; upper and lower case are one. */
  lookup(networkId: string, name: string): readonly EndpointRecord[] {
    return this.#byName.get(keyOf(networkId, name)) ?? [];
  }

  /** The endpoint that has an address (without prefix length), and its sandbox. */
  byAddress(address: string): { sandbox: SandboxRecord; endpoint: EndpointRecord } | undefined {
    return this.#byAddress.get(address);
  }
}

function keyOf(networkId: string, name: string): string {
  return `${networkId} ${name.toLowerCase()}`;
}

function addressesOf(endpoint: EndpointRecord): string[] {
  return [endpoint.address4, endpoint.address6].filter((one) => one !== '').map((one) => one.slice(0, one.indexOf('/')));
}
