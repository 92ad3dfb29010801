import { invalidArgument } from '../errors/error.ts';
import { contains, parseAddress, parseCidr } from '../lib/ip.ts';
import type { EndpointSettings } from '../types/docker/network.ts';
import type { NetworkRecord } from './record.ts';

/** Checks what is asked of an endpoint on a network. Throws invalidArgument `invalid config for network NAME: invalid endpoint settings:…` with all that is wrong. */
export function checkEndpoint(network: NetworkRecord, settings: EndpointSettings): void {
  const errors = endpointErrors(network, settings);
  if (errors.length === 0) return;
  const text = errors.length === 1 ? errors[0] : errors.map((one) => `* ${one}`).join('\n');
  throw invalidArgument(`invalid config for network ${network.name}: invalid endpoint settings:\n${text}`);
}

function endpointErrors(network: NetworkRecord, settings: EndpointSettings): string[] {
  const errors: string[] = [];
  const { IPv4Address = '', IPv6Address = '', LinkLocalIPs } = settings.IPAMConfig ?? {};
  const v4 = IPv4Address === '' ? undefined : parseAddress(IPv4Address);
  const v6 = IPv6Address === '' ? undefined : parseAddress(IPv6Address);
  if (IPv4Address !== '' && v4?.version !== 4) errors.push(`invalid IPv4 address: ${IPv4Address}`);
  if (IPv6Address !== '' && v6?.version !== 6) errors.push(`invalid IPv6 address: ${IPv6Address}`);
  for (const one of LinkLocalIPs ?? []) if (!parseAddress(one)) errors.push(`invalid link-local IP address: ${one}`);
  const mac = settings.MacAddress ?? '';
  if (mac !== '' && !isMac(mac)) errors.push(`invalid MAC address: ${mac}`);
  if (network.predefined) {
    if (IPv4Address !== '' || IPv6Address !== '')
      errors.push('user specified IP address is supported on user defined networks only');
    if (settings.Aliases?.length) errors.push('network-scoped alias is supported only for containers in user defined networks');
    return errors;
  }
  for (const address of [v4, v6]) {
    if (!address) continue;
    const subnets = network.staticSubnets.map((one) => parseCidr(one)?.prefix).filter((one) => one?.version === address.version);
    if (subnets.length === 0) {
      errors.push('user specified IP address is supported only when connecting to networks with user configured subnets');
    } else if (!subnets.some((one) => one && contains(one, address))) {
      errors.push(`no configured subnet or ip-range contain the IP address ${address.version === 4 ? IPv4Address : IPv6Address}`);
    }
  }
  return errors;
}

/** True for a hardware address in the spelling `02:42:ac:11:00:02` (or with dashes). */
export function isMac(text: string): boolean {
  return /^[0-9a-f]{2}([:-])[0-9a-f]{2}(?:\1[0-9a-f]{2}){4}$/i.test(text);
}
