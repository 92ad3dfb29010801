/*
 * Puts endpoints into a namespace: one script inside (interfaces, addresses, routes, the rules behind 127.0.0.11) and one batch on the host's side.
 */
import type { WirePlan } from './drivers/driver.ts';
import { gatewayEndpoint } from './endpoints.ts';
import { ipBatch, ipv6Setting } from './namespaces.ts';
import type { EndpointRecord, NetworkRecord, SandboxRecord } from './record.ts';
import { driverOf, type Room } from './room.ts';
import { moveResolverRules, resolverRules } from './rules.ts';

/** Wires a whole sandbox. Without `isMade` its namespace is made too, in the same process. */
export async function wireSandbox(room: Room, record: SandboxRecord, options: { isMade: boolean }): Promise<void> {
  const plans = await Promise.all(record.endpoints.map((one) => planOf(room, record, one)));
  const before = plans.flatMap((one) => one.hostBefore);
  const script = ipBatchOf(plans, record.endpoints) + resolverScript(room, record, record.endpoints);
  const full = record.endpoints.some((one) => one.address6 !== '') ? ipv6Setting(true) + script : script;
  if (!options.isMade && before.length === 0) {
    await room.namespaces.make(record.sandboxId, full);
  } else {
    if (!options.isMade) await room.namespaces.make(record.sandboxId);
    await room.programs.ip(before);
    if (full !== '') await room.namespaces.run(record.netnsPath, full);
  }
  await room.programs.ip(plans.flatMap((one) => one.hostAfter));
  for (const endpoint of record.endpoints) await room.neighbours.add(networkOfEndpoint(room, endpoint), endpoint);
}

/** Adds one endpoint to a wired sandbox; `endpoints` are all it has then. */
export async function wireEndpoint(room: Room, record: SandboxRecord, endpoint: EndpointRecord): Promise<void> {
  const plan = await planOf(room, record, endpoint);
  await room.programs.ip(plan.hostBefore);
  const script = (endpoint.address6 === '' ? '' : ipv6Setting(true)) + ipBatchOf([plan], record.endpoints);
  await changeInside(room, record, { script, endpoints: record.endpoints });
  await room.programs.ip(plan.hostAfter);
  await room.neighbours.add(networkOfEndpoint(room, endpoint), endpoint);
}

/** Takes one endpoint out of a wired sandbox; `rest` are the endpoints that stay. */
export async function unwireEndpoint(
  room: Room,
  record: SandboxRecord,
  { endpoint, rest }: { endpoint: EndpointRecord; rest: readonly EndpointRecord[] },
): Promise<void> {
  await room.neighbours.remove([endpoint]);
  const lines = endpoint.ifname === '' ? [] : [`link del dev ${endpoint.ifname}`];
  await changeInside(room, record, { script: ipBatch([...lines, ...routesOf(rest)]), endpoints: rest });
}

async function changeInside(
  room: Room,
  record: SandboxRecord,
  { script, endpoints }: { script: string; endpoints: readonly EndpointRecord[] },
): Promise<void> {
  const before = record.resolver;
  try {
    await room.namespaces.run(record.netnsPath, script + resolverScript(room, record, endpoints));
  } catch (error) {
    record.resolver = before;
    throw error;
  }
}

async function planOf(room: Room, record: SandboxRecord, endpoint: EndpointRecord): Promise<WirePlan> {
  const network = networkOfEndpoint(room, endpoint);
  return await driverOf(room, network).plan(network, endpoint, { netnsPath: record.netnsPath, hostPid: process.pid });
}

/** The network of an endpoint; networks with endpoints cannot be removed, so it is there. */
export function networkOfEndpoint(room: Pick<Room, 'networks'>, endpoint: EndpointRecord): NetworkRecord {
  return room.networks.resolve(endpoint.networkId);
}

function ipBatchOf(plans: readonly WirePlan[], endpoints: readonly EndpointRecord[]): string {
  return ipBatch([...plans.flatMap((one) => one.inside), ...routesOf(endpoints)]);
}

function routesOf(endpoints: readonly EndpointRecord[]): string[] {
  const v4 = gatewayEndpoint(endpoints, 4);
  const v6 = gatewayEndpoint(endpoints, 6);
  return [
    ...(v4 ? [`route replace default via ${v4.gateway4} dev ${v4.ifname}`] : []),
    ...(v6 ? [`route replace default via ${v6.gateway6} dev ${v6.ifname}`] : []),
  ];
}

/** The bridge's address that queries to 127.0.0.11 are led to, when a user-defined bridge network is among the endpoints. */
export function resolverGateway(
  room: Pick<Room, 'networks' | 'drivers'>,
  endpoints: readonly EndpointRecord[],
): string | undefined {
  for (const endpoint of endpoints) {
    const network = room.networks.get(endpoint.networkId);
    if (!network || network.predefined || endpoint.disableResolver || !driverOf(room, network).isBridged) continue;
    const gateway = network.ipam.Config.find((one) => !one.Subnet.includes(':'))?.Gateway?.split('/')[0];
    if (gateway) return gateway;
  }
  return undefined;
}

/** Makes 127.0.0.11 lead where it should with these endpoints. Without a network for it the rules stay as they were: nobody asks them. */
function resolverScript(room: Room, record: SandboxRecord, endpoints: readonly EndpointRecord[]): string {
  const before = record.resolver ?? '';
  const gateway = resolverGateway(room, endpoints) ?? before;
  if (gateway === before) return '';
  record.resolver = gateway;
  const rules = before === '' ? resolverRules(gateway) : moveResolverRules(gateway);
  return `echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet\nnft -f - <<'POUCH_NFT'\n${rules}\nPOUCH_NFT\n`;
}
