/*
 * The networks that are always there: bridge, host and none. Their ids are made once and kept in the store. The default bridge follows the daemon's configuration, except
 * that a subnet the daemon chose itself stays, and that nothing changes under running containers.
 */
import { newId } from '../lib/id.ts';
import { formatAddress, formatPrefix, parseCidr } from '../lib/ip.ts';
import { nowText } from '../lib/time.ts';
import { bridgeOptions } from './drivers/bridge.ts';
import type { NetworkRecord } from './record.ts';
import type { NetworkConfig } from './room.ts';
import { defaultAddressPools, freeSubnet, routedSubnets } from './subnets.ts';

/** What the default networks are made from. */
export interface DefaultsInput {
  config: NetworkConfig;
  saved: readonly NetworkRecord[];
  /** A running container is on the default bridge. */
  isInUse: boolean;
}

/** The three records as they should be now. */
export function defaultNetworks(input: DefaultsInput): NetworkRecord[] {
  const plain = (name: string, driver: string): NetworkRecord =>
    input.saved.find((one) => one.name === name) ?? emptyRecord(name, driver);
  return [bridgeRecord(input), plain('host', 'host'), plain('none', 'null')];
}

function emptyRecord(name: string, driver: string): NetworkRecord {
  return {
    id: newId(),
    name,
    driver,
    created: nowText(),
    internal: false,
    attachable: false,
    enableIPv6: false,
    options: {},
    labels: {},
    ipam: { Driver: 'default', Options: null, Config: [] },
    staticSubnets: [],
    predefined: true,
  };
}

function bridgeRecord({ config, saved, isInUse }: DefaultsInput): NetworkRecord {
  const before = saved.find((one) => one.name === 'bridge');
  if (before && isInUse) return before;
  const { bridge } = config;
  const record = { ...(before ?? emptyRecord('bridge', 'bridge')) };
  const name = bridge.name || 'pouch0';
  record.options = {
    [bridgeOptions.isDefault]: 'true',
    [bridgeOptions.icc]: String(bridge.icc),
    [bridgeOptions.masquerade]: String(bridge.ipMasq),
    [bridgeOptions.hostBinding]: '0.0.0.0',
    [bridgeOptions.name]: name,
    [bridgeOptions.mtu]: String(bridge.mtu || 1500),
  };
  const chosen = before?.ipam.Config.find((one) => !one.Subnet.includes(':'));
  const given = parseCidr(bridge.bip);
  const taken = saved
    .filter((one) => one !== before)
    .flatMap((one) => one.ipam.Config.map((each) => parseCidr(each.Subnet)?.prefix));
  const subnet =
    given?.prefix ??
    parseCidr(chosen?.Subnet ?? '')?.prefix ??
    freeSubnet(
      config.defaultAddressPools.length > 0 ? config.defaultAddressPools : defaultAddressPools,
      [...routedSubnets(), ...taken.filter((one) => one !== undefined)],
      4,
    );
  const gateway = given?.address ?? { version: 4 as const, value: subnet.base + 1n };
  record.ipam = {
    Driver: 'default',
    Options: null,
    Config: [
      {
        Subnet: formatPrefix(subnet),
        ...(bridge.fixedCidr ? { IPRange: bridge.fixedCidr } : {}),
        Gateway: formatAddress(gateway),
        ...(bridge.defaultGateway ? { AuxiliaryAddresses: { DefaultGatewayIPv4: bridge.defaultGateway } } : {}),
      },
    ],
  };
  const v6 = parseCidr(bridge.bipv6);
  record.enableIPv6 = v6 !== undefined;
  if (v6) record.ipam.Config.push({ Subnet: formatPrefix(v6.prefix), Gateway: formatAddress(v6.address) });
  return record;
}
