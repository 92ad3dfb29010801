import type { EndpointSettings, NetworkSettings } from '../types/docker/network.ts';
import type { LiveContainer } from './live.ts';
import { shownPorts } from './ports.ts';

/** An endpoint with every field Docker shows, empty where there is nothing. */
export function fullEndpoint(one: EndpointSettings): EndpointSettings {
  return {
    IPAMConfig: one.IPAMConfig ?? null,
    Links: one.Links ?? null,
    Aliases: one.Aliases ?? null,
    NetworkID: one.NetworkID ?? '',
    EndpointID: one.EndpointID ?? '',
    Gateway: one.Gateway ?? '',
    IPAddress: one.IPAddress ?? '',
    IPPrefixLen: one.IPPrefixLen ?? 0,
    IPv6Gateway: one.IPv6Gateway ?? '',
    GlobalIPv6Address: one.GlobalIPv6Address ?? '',
    GlobalIPv6PrefixLen: one.GlobalIPv6PrefixLen ?? 0,
    MacAddress: one.MacAddress ?? '',
    DriverOpts: one.DriverOpts ?? null,
    ...(one.DNSNames ? { DNSNames: one.DNSNames } : {}),
  };
}

/** A generated address starts so. */
const generatedMac = /^02:42:/;

/** The endpoints of a container by network. One that does not run keeps its hardware address for the next run, but shows only one that was asked for, as Docker does. */
export function shownEndpoints({ record }: Pick<LiveContainer, 'record'>): Record<string, EndpointSettings> {
  const { state, networks, config } = record;
  const shown = Object.entries(networks).map(([name, settings]): [string, EndpointSettings] => {
    const one = fullEndpoint(settings);
    const mac = one.MacAddress ?? '';
    const isAsked = state.Running || mac === config.MacAddress || !generatedMac.test(mac);
    return [name, isAsked ? one : { ...one, MacAddress: '' }];
  });
  return Object.fromEntries(shown);
}

/** `NetworkSettings` of inspect; the flat fields repeat the default bridge's endpoint. DNSNames came with API 1.44. */
export function networkSettings(container: LiveContainer, { hasDnsNames }: { hasDnsNames: boolean }): NetworkSettings {
  const { record } = container;
  const isRunning = record.state.Running && !record.state.Restarting;
  const endpoints = shownEndpoints(container);
  if (!hasDnsNames) for (const one of Object.values(endpoints)) delete one.DNSNames;
  const bridge = endpoints['bridge'] ?? fullEndpoint({});
  return {
    Bridge: '',
    SandboxID: record.sandboxId,
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
    Ports: isRunning ? shownPorts(record.config, record.ports) : {},
    SandboxKey: record.sandboxKey,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: bridge.EndpointID ?? '',
    Gateway: bridge.Gateway ?? '',
    GlobalIPv6Address: bridge.GlobalIPv6Address ?? '',
    GlobalIPv6PrefixLen: bridge.GlobalIPv6PrefixLen ?? 0,
    IPAddress: bridge.IPAddress ?? '',
    IPPrefixLen: bridge.IPPrefixLen ?? 0,
    IPv6Gateway: bridge.IPv6Gateway ?? '',
    MacAddress: bridge.MacAddress ?? '',
    Networks: endpoints,
  };
}
