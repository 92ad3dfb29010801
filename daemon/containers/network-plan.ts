import { invalidArgument } from '../errors/error.ts';
import type { NetworkService } from '../networks/contract.ts';
import type { ContainerConfig, HostConfig } from '../types/docker/container.ts';
import type { EndpointSettings, NetworkingConfig } from '../types/docker/network.ts';
import { joinedContainer } from './validate-modes.ts';

/** The network's name for a NetworkMode: `default` is the bridge; a container's mode has none. */
export function networkOfMode(mode: string | undefined): string | undefined {
  if (joinedContainer(mode)) return undefined;
  return !mode || mode === 'default' ? 'bridge' : mode;
}

/**
 * The endpoints a new container asks for, by network name: the one of its NetworkMode, then the others of EndpointsConfig. Empty for `container:X`. Checked by the networks
 * room where the network exists already; an unknown one is an error only at the start, as under Docker.
 */
export function planEndpoints(
  config: ContainerConfig,
  hostConfig: HostConfig,
  networking: NetworkingConfig | undefined,
  networks: Pick<NetworkService, 'find' | 'validate'>,
): Record<string, EndpointSettings> {
  const main = config.NetworkDisabled ? 'none' : networkOfMode(hostConfig.NetworkMode);
  if (main === undefined) return {};
  const nameOf = (ref: string) => (ref === 'default' ? 'bridge' : (networks.find(ref)?.name ?? ref));
  const asked = Object.entries(networking?.EndpointsConfig ?? {});
  const mainName = nameOf(main);
  const endpoints: Record<string, EndpointSettings> = { [mainName]: {} };
  for (const [ref, settings] of asked) endpoints[nameOf(ref)] = { ...settings };
  const only = ['host', 'none'].find((one) => one in endpoints);
  if (only && Object.keys(endpoints).length > 1) {
    throw invalidArgument(`conflicting options: cannot attach both user-defined and non-user-defined network-modes`);
  }
  if (config.MacAddress) {
    const settings = endpoints[mainName] ?? {};
    if (settings.MacAddress && settings.MacAddress !== config.MacAddress) {
      throw invalidArgument(
        'the container-wide MAC address must match the endpoint-specific MAC address for the main network, or be left empty',
      );
    }
    endpoints[mainName] = { ...settings, MacAddress: config.MacAddress };
  }
  const known = Object.fromEntries(Object.entries(endpoints).filter(([name]) => networks.find(name)));
  if (Object.keys(known).length > 0) networks.validate(known);
  return endpoints;
}

/** What was asked for, without what a run added: what is kept of an endpoint when the container stops. */
export function askedEndpoint(settings: EndpointSettings): EndpointSettings {
  const { IPAMConfig, Links, Aliases, DriverOpts, MacAddress, NetworkID } = settings;
  return {
    IPAMConfig: IPAMConfig ?? null,
    Links: Links ?? null,
    Aliases: Aliases ?? null,
    DriverOpts: DriverOpts ?? null,
    MacAddress,
    NetworkID,
  };
}
