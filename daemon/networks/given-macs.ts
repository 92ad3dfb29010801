import type { EndpointSettings } from '../types/docker/network.ts';

/** How many are remembered. */
const limit = 4096;

/**
 * Hardware addresses that were not asked for. A container that starts again passes what its last run was told; without this that would count as a wish, and a container
 * would keep the hardware address of an Internet address it no longer has. After a daemon restart such an address counts as a wish once.
 */
export class GivenMacs {
  readonly #macs = new Map<string, string>();

  remember(containerId: string, networkId: string, mac: string): void {
    const key = `${containerId} ${networkId}`;
    this.#macs.delete(key);
    this.#macs.set(key, mac);
    if (this.#macs.size > limit) for (const [oldest] of this.#macs.entries().take(1)) this.#macs.delete(oldest);
  }

  /** The settings without a hardware address that we had given ourselves. */
  wishOf(containerId: string, networkId: string, settings: EndpointSettings): EndpointSettings {
    if (!settings.MacAddress || this.#macs.get(`${containerId} ${networkId}`) !== settings.MacAddress) return settings;
    return { ...settings, MacAddress: '' };
  }
}
