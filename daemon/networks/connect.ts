import { forbidden, invalidArgument } from '../errors/error.ts';
import type { EndpointSettings } from '../types/docker/network.ts';
import { leaving } from './close.ts';
import { checkEndpoint } from './endpoint-check.ts';
import { allocateEndpoint, alreadyAttached, dnsNamesOf, releaseEndpoint, settingsOf } from './endpoints.ts';
import { joined } from './open.ts';
import { publishPorts } from './publish.ts';
import { driverOf, networkEvent, type Room, type Sandbox } from './room.ts';
import { networkOfEndpoint, unwireEndpoint, wireEndpoint } from './wiring.ts';

/** Adds a network to a running container's sandbox. */
export async function connectSandbox(
  room: Room,
  sandbox: Sandbox,
  { ref, settings }: { ref: string; settings: EndpointSettings },
): Promise<EndpointSettings> {
  const { record } = sandbox;
  const network = room.networks.resolve(ref);
  await room.ready();
  if (record.endpoints.some((one) => one.networkId === network.id)) throw alreadyAttached(record.name, network.name);
  if (record.netnsPath === 'host' || network.driver === 'host') {
    throw invalidArgument('container cannot be disconnected from host network or connected to host network');
  }
  if (network.driver === 'null' || record.endpoints.some((one) => networkOfEndpoint(room, one).driver === 'null')) {
    throw invalidArgument('container cannot be connected to multiple networks with one of the networks in private (none) mode');
  }
  checkEndpoint(network, settings);
  const endpoint = await allocateEndpoint(room, network, { settings, index: nextIndex(sandbox) });
  endpoint.dnsNames = dnsNamesOf(network, record, endpoint.requested.aliases);
  record.endpoints.push(endpoint);
  try {
    if (sandbox.isWired) await wireEndpoint(room, record, endpoint);
    await publishPorts(room, sandbox);
    room.store.put('endpoints', record.containerId, record);
  } catch (error) {
    record.endpoints.splice(record.endpoints.indexOf(endpoint), 1);
    room.reaper.add({
      commands: endpoint.hostIfname ? await driverOf(room, network).unplan(network, endpoint) : [],
      gone: () => releaseEndpoint(room, endpoint),
    });
    throw error;
  }
  await joined(room, record, endpoint);
  return settingsOf(endpoint, record.containerId);
}

/** Takes a network from a running container's sandbox. Throws forbidden `container ID is not connected to network NAME`. */
export async function disconnectSandbox(room: Room, sandbox: Sandbox, ref: string): Promise<void> {
  const { record } = sandbox;
  const network = room.networks.resolve(ref);
  await room.ready();
  const endpoint = record.endpoints.find((one) => one.networkId === network.id);
  if (!endpoint) throw forbidden(`container ${record.containerId} is not connected to network ${network.name}`);
  if (network.driver === 'host')
    throw invalidArgument('container cannot be disconnected from host network or connected to host network');
  await leaving(room, record, endpoint);
  const rest = record.endpoints.filter((one) => one !== endpoint);
  if (sandbox.isWired) await unwireEndpoint(room, record, { endpoint, rest });
  record.endpoints.splice(0, record.endpoints.length, ...rest);
  room.names.remove(endpoint);
  releaseEndpoint(room, endpoint);
  await publishPorts(room, sandbox);
  room.store.put('endpoints', record.containerId, record);
  networkEvent(room, 'disconnect', network, record.containerId);
}

function nextIndex({ record }: Sandbox): number {
  const used = new Set(record.endpoints.map((one) => Number(/\d+$/.exec(one.ifname)?.[0] ?? -1)));
  let index = 0;
  while (used.has(index)) index += 1;
  return index;
}
