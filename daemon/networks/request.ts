/*
 * From the body of `POST /networks/create` to a record: names, driver and IPAM are checked here, with the texts of Docker's daemon, and subnets without a wish are
 * chosen. Nothing is changed on the host.
 */
import { alreadyExists, forbidden, invalidArgument, notFound, notImplemented, unavailable } from '../errors/error.ts';
import { newId } from '../lib/id.ts';
import { contains, formatAddress, formatPrefix, overlaps, type Prefix, parseAddress, parseCidr } from '../lib/ip.ts';
import { nowText } from '../lib/time.ts';
import type { IPAMConfig, NetworkCreateRequest } from '../types/docker/network.ts';
import type { NetworkDriver } from './drivers/driver.ts';
import type { NetworkRecord } from './record.ts';
import { freeSubnet } from './subnets.ts';

/** What a request is checked against. */
export interface RequestWorld {
  networks: readonly NetworkRecord[];
  drivers: ReadonlyMap<string, NetworkDriver>;
  /** Where subnets come from, and those of the host's routes. */
  addressPools: readonly { base: string; size: number }[];
  routed: () => Prefix[];
}

const predefinedNames = new Set(['bridge', 'host', 'none', 'default']);

/** Docker's words to a node that is in no swarm. */
export const noSwarm =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';

/** Checks the request and completes it. Throws invalidArgument, forbidden, alreadyExists, notFound or unavailable. */
export function readCreateRequest(request: NetworkCreateRequest, world: RequestWorld): NetworkRecord {
  const name = request.Name ?? '';
  if (typeof name !== 'string' || name.trim() === '') throw invalidArgument('invalid name: name is empty');
  if (predefinedNames.has(name)) throw forbidden(`operation is not permitted on predefined ${name} network `);
  if (request.Ingress || request.Scope === 'swarm') throw unavailable(noSwarm);
  if (request.Scope && request.Scope !== 'local') throw invalidArgument(`invalid scope: ${request.Scope}`);
  if (request.ConfigOnly || request.ConfigFrom?.Network)
    throw notImplemented('configuration networks (config-only, config-from) are not supported');
  if (world.networks.some((one) => one.name === name)) throw alreadyExists(`network with name ${name} already exists`);
  const driver = request.Driver || 'bridge';
  const driverOf = world.drivers.get(driver);
  if (!driverOf) throw notFound(`plugin ${JSON.stringify(driver)} not found`);
  const ipamDriver = request.IPAM?.Driver || 'default';
  if (ipamDriver !== 'default' && ipamDriver !== 'null') throw notFound(`plugin ${JSON.stringify(ipamDriver)} not found`);
  const record: NetworkRecord = {
    id: newId(),
    name,
    driver,
    created: nowText(),
    internal: request.Internal === true,
    attachable: request.Attachable === true,
    enableIPv6: request.EnableIPv6 === true,
    options: request.Options ?? {},
    labels: request.Labels ?? {},
    ipam: { Driver: ipamDriver, Options: request.IPAM?.Options ?? null, Config: [] },
    staticSubnets: [],
    predefined: false,
  };
  driverOf.check(record, world.networks);
  if (driverOf.hasInterfaces) completeIpam(record, request.IPAM?.Config ?? [], world);
  return record;
}

function completeIpam(record: NetworkRecord, configs: readonly IPAMConfig[], world: RequestWorld): void {
  const errors = configs.flatMap((config) => configErrors(config));
  if (errors.length > 0) throw invalidArgument(`invalid network config:\n${errors.join('\n')}`);
  const theirs = world.networks.flatMap((one) => one.ipam.Config.map((config) => parseCidr(config.Subnet)?.prefix));
  const taken = theirs.filter((one) => one !== undefined);
  const versions = new Set<number>();
  for (const config of configs) {
    const prefix = config.Subnet ? parseCidr(config.Subnet)?.prefix : undefined;
    if (!prefix) continue;
    if (versions.has(prefix.version)) throw forbidden(`${record.driver} driver doesn't support multiple subnets`);
    if (taken.some((one) => overlaps(one, prefix))) throw forbidden('Pool overlaps with other one on this address space');
    versions.add(prefix.version);
    record.staticSubnets.push(formatPrefix(prefix));
    record.ipam.Config.push(completed(config, prefix));
  }
  if (!versions.has(4)) {
    const prefix = freeSubnet(world.addressPools, [...taken, ...world.routed()], 4);
    const wishes = configs.find((one) => !one.Subnet) ?? {};
    record.ipam.Config.unshift(completed(wishes, prefix));
  }
  if (record.enableIPv6 && !versions.has(6)) {
    const prefix = freeSubnet(world.addressPools, [...taken, ...world.routed()], 6);
    record.ipam.Config.push(completed({}, prefix));
  }
}

function completed(config: IPAMConfig, prefix: Prefix): NetworkRecord['ipam']['Config'][number] {
  const first = { version: prefix.version, value: prefix.base + (prefix.bits >= (prefix.version === 4 ? 31 : 127) ? 0n : 1n) };
  return {
    Subnet: formatPrefix(prefix),
    ...(config.IPRange ? { IPRange: config.IPRange } : {}),
    Gateway: config.Gateway || firstFree(first, config),
    ...(config.AuxiliaryAddresses && Object.keys(config.AuxiliaryAddresses).length > 0
      ? { AuxiliaryAddresses: config.AuxiliaryAddresses }
      : {}),
  };
}

function firstFree(first: { version: 4 | 6; value: bigint }, config: IPAMConfig): string {
  const range = config.IPRange ? parseCidr(config.IPRange)?.prefix : undefined;
  let value = range && range.base > first.value ? range.base : first.value; // Docker takes the gateway from the range too
  const reserved = new Set(Object.values(config.AuxiliaryAddresses ?? {}).map((one) => parseAddress(one)?.value));
  while (reserved.has(value)) value += 1n;
  return formatAddress({ version: first.version, value });
}

function configErrors(config: IPAMConfig): string[] {
  const errors: string[] = [];
  const { Subnet = '', IPRange = '', Gateway = '', AuxiliaryAddresses } = config;
  if (Subnet === '') {
    if (IPRange !== '' || Gateway !== '')
      errors.push(`invalid ${IPRange ? `ip-range ${IPRange}` : `gateway ${Gateway}`}: a subnet must be given too`);
    return errors;
  }
  const subnet = parseCidr(Subnet);
  if (!subnet) return [`invalid subnet ${Subnet}: invalid CIDR block notation`];
  const { prefix } = subnet;
  if (formatPrefix(prefix) !== `${formatAddress(subnet.address)}/${prefix.bits}`)
    errors.push(`invalid subnet ${Subnet}: it should be ${formatPrefix(prefix)}`);
  if (IPRange !== '') errors.push(...rangeErrors(IPRange, prefix));
  if (Gateway !== '') errors.push(...addressErrors('gateway', Gateway, prefix));
  for (const one of Object.values(AuxiliaryAddresses ?? {})) errors.push(...addressErrors('auxiliary address', one, prefix));
  return errors;
}

function rangeErrors(text: string, subnet: Prefix): string[] {
  const range = parseCidr(text);
  if (!range) return [`invalid ip-range ${text}: invalid CIDR block notation`];
  const { prefix } = range;
  if (prefix.version !== subnet.version) return [`invalid ip-range ${text}: parent subnet is an IPv${subnet.version} block`];
  if (prefix.bits < subnet.bits)
    return [`invalid ip-range ${text}: CIDR block is bigger than its parent subnet ${formatPrefix(subnet)}`];
  if (range.address.value !== prefix.base) return [`invalid ip-range ${text}: it should be ${formatPrefix(prefix)}`];
  return overlaps(subnet, prefix)
    ? []
    : [`invalid ip-range ${text}: parent subnet ${formatPrefix(subnet)} doesn't contain ip-range`];
}

function addressErrors(what: string, text: string, subnet: Prefix): string[] {
  const address = parseAddress(text);
  if (!address) return [`invalid ${what} ${text}: invalid address`];
  if (address.version !== subnet.version) return [`invalid ${what} ${text}: parent subnet is an IPv${subnet.version} block`];
  return contains(subnet, address)
    ? []
    : [`invalid ${what} ${text}: parent subnet ${formatPrefix(subnet)} doesn't contain this address`];
}
