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

/** `NetworkSettings` of inspect; the flat fields repeat the default bridge's endpoint. */
export function networkSettings({ record }: LiveContainer): NetworkSettings {
  const isRunning = record.state.Running && !record.state.Restarting;
  const bridge = fullEndpoint(record.networks['bridge'] ?? {});
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
    Networks: Object.fromEntries(Object.entries(record.networks).map(([name, one]) => [name, fullEndpoint(one)])),
  };
}
