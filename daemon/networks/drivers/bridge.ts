/*
 * Bridge networks: a Linux bridge with the gateway's address on it, and for each endpoint a veth pair whose inner half is made inside the namespace, with name,
 * hardware address and MTU at once. Bridges we made carry our alias; one that the user made is used and never removed.
 */
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { forbidden, invalidArgument } from '../../errors/error.ts';
import { parseCidr } from '../../lib/ip.ts';
import type { Logger } from '../../lib/log.ts';
import { macOf } from '../ipam.ts';
import { hasLink, listLinks, readLinks } from '../links.ts';
import type { Programs } from '../programs.ts';
import type { EndpointRecord, NetworkRecord } from '../record.ts';
import { addressLines, type NetworkDriver, type WirePlan, type WireTarget } from './driver.ts';

/** Docker's option names. */
export const bridgeOptions = {
  name: 'com.docker.network.bridge.name',
  icc: 'com.docker.network.bridge.enable_icc',
  masquerade: 'com.docker.network.bridge.enable_ip_masquerade',
  hostBinding: 'com.docker.network.bridge.host_binding_ipv4',
  mtu: 'com.docker.network.driver.mtu',
  prefix: 'com.docker.network.container_iface_prefix',
  isDefault: 'com.docker.network.bridge.default_bridge',
} as const;

/** What the driver stands on. `alias` marks the interfaces of this daemon. */
export interface BridgeDeps {
  programs: Programs;
  log: Logger;
  alias: string;
}

/** The bridge's interface name of a network. */
export function bridgeNameOf(network: NetworkRecord): string {
  return network.options[bridgeOptions.name] || `br-${network.id.slice(0, 12)}`;
}

/** A boolean option as Go reads it; undefined when it is not given. Throws invalidArgument with Docker's text. */
export function booleanOption(options: Readonly<Record<string, string>>, key: string): boolean | undefined {
  const text = options[key];
  if (text === undefined) return undefined;
  if (/^(1|t|T|TRUE|true|True)$/.test(text)) return true;
  if (/^(0|f|F|FALSE|false|False)$/.test(text)) return false;
  throw invalidArgument(`failed to parse ${key} value: strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
}

/** Makes the driver. */
export function createBridgeDriver({ programs, log, alias }: BridgeDeps): NetworkDriver {
  const mtuOf = (network: NetworkRecord): number => Number(network.options[bridgeOptions.mtu] ?? 0);
  return {
    name: 'bridge',
    hasInterfaces: true,
    isBridged: true,
    check: (network, others) => check(network, others),
    async ensure(network) {
      const bridge = bridgeNameOf(network);
      const commands: string[] = [];
      if (hasLink(bridge)) {
        commands.push(...(await staleAddresses(programs, { bridge, alias, network })));
      } else {
        commands.push(`link add name ${bridge} address ${macOf(undefined)} type bridge`);
        commands.push(`link set dev ${bridge} alias ${alias}`);
      }
      const mtu = mtuOf(network);
      if (mtu > 0) commands.push(`link set dev ${bridge} mtu ${mtu}`);
      for (const { Subnet, Gateway } of network.ipam.Config) {
        const prefix = parseCidr(Subnet)?.prefix;
        if (!prefix || !Gateway) continue;
        commands.push(
          `addr replace ${Gateway.split('/')[0]}/${prefix.bits} dev ${bridge}${prefix.version === 6 ? ' nodad' : ''}`,
        );
      }
      commands.push(`link set dev ${bridge} up`);
      await programs.ip(commands);
      await setKernel(log, `ipv4/conf/${bridge}/route_localnet`, '1');
      await setKernel(log, 'ipv4/ip_forward', '1');
      if (network.enableIPv6) await setKernel(log, 'ipv6/conf/all/forwarding', '1');
    },
    async remove(network) {
      const bridge = bridgeNameOf(network);
      if (!hasLink(bridge)) return;
      const links = await listLinks(programs, bridge);
      if (links.get(bridge) === alias) await programs.ip([`link del dev ${bridge}`], /Cannot find device/);
    },
    plan: (network, endpoint, target) => plan(network, endpoint, { ...target, mtu: mtuOf(network) }),
    unplan: (_network, endpoint) => [`link del dev ${endpoint.hostIfname}`],
    rules: (network) => ({
      network,
      bridge: bridgeNameOf(network),
      isMasqueraded: booleanOption(network.options, bridgeOptions.masquerade) ?? true,
    }),
  };
}

/** Commands that take addresses of an earlier configuration from a bridge of ours. */
async function staleAddresses(
  programs: Programs,
  { bridge, alias, network }: { bridge: string; alias: string; network: NetworkRecord },
): Promise<string[]> {
  const text = await programs.sh(`ip -o link show dev ${bridge}; ip -o addr show dev ${bridge} scope global`);
  if (readLinks(text).get(bridge) !== alias) return [];
  const wanted = new Set(
    network.ipam.Config.map(({ Subnet, Gateway = '' }) => `${Gateway.split('/')[0]}/${Subnet.split('/')[1]}`),
  );
  const present = [...text.matchAll(/^\d+: \S+\s+inet6? (\S+)/gm)].map((one) => one[1] ?? '');
  return present.filter((one) => !wanted.has(one)).map((one) => `addr del ${one} dev ${bridge}`);
}

function check(network: NetworkRecord, others: readonly NetworkRecord[]): void {
  for (const key of [bridgeOptions.icc, bridgeOptions.masquerade]) booleanOption(network.options, key);
  const mtu = network.options[bridgeOptions.mtu];
  if (mtu !== undefined && !/^\d+$/.test(mtu)) {
    throw invalidArgument(
      `failed to parse ${bridgeOptions.mtu} value: ${mtu} (strconv.Atoi: parsing ${JSON.stringify(mtu)}: invalid syntax)`,
    );
  }
  if (Number(mtu ?? 0) > 65535) throw invalidArgument(`invalid MTU number: ${mtu}`);
  const name = network.options[bridgeOptions.name];
  if (name !== undefined && name !== '' && !/^[^\s/:"'\\;{}$`]{1,15}$/.test(name)) {
    throw invalidArgument(`invalid bridge name ${JSON.stringify(name)}: at most 15 characters, no spaces, quotes or slashes`);
  }
  const prefix = network.options[bridgeOptions.prefix];
  if (prefix && !/^[a-z][\w.-]{0,11}$/i.test(prefix)) throw invalidArgument(`invalid interface prefix ${JSON.stringify(prefix)}`);
  const twin = others.find((one) => one.driver === 'bridge' && bridgeNameOf(one) === bridgeNameOf(network));
  if (twin) {
    const [mine, its] = [network, twin].map((one) => `${one.id} (${bridgeNameOf(one)})`);
    throw forbidden(`cannot create network ${mine}: conflicts with network ${its}: networks have same bridge name`);
  }
}

function plan(network: NetworkRecord, endpoint: EndpointRecord, { hostPid, mtu }: WireTarget & { mtu: number }): WirePlan {
  const size = mtu > 0 ? ` mtu ${mtu}` : '';
  const { ifname, hostIfname, mac } = endpoint;
  const isolated = booleanOption(network.options, bridgeOptions.icc) === false;
  return {
    hostBefore: [],
    inside: [
      `link add name ${ifname} address ${mac}${size} type veth peer name ${hostIfname}${size} netns ${hostPid}`,
      ...addressLines(endpoint),
    ],
    hostAfter: [
      `link set dev ${hostIfname} master ${bridgeNameOf(network)} up`,
      ...(isolated ? [`link set dev ${hostIfname} type bridge_slave isolated on`] : []), // the kernel passes nothing between isolated ports
    ],
  };
}

async function setKernel(log: Logger, path: string, value: string): Promise<void> {
  const file = `/proc/sys/net/${path}`;
  try {
    if (readFileSync(file, 'utf8').trim() !== value) await writeFile(file, value);
  } catch (error) {
    log.warn('kernel setting refused', { file, value, error });
  }
}
