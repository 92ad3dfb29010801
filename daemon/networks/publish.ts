/*
 * Published ports of a sandbox: held by sockets, led by the firewall to the endpoint with the default route. Which endpoint that is may change with connect and disconnect.
 */
import { internal, messageOf } from '../errors/error.ts';
import { bridgeOptions } from './drivers/bridge.ts';
import { gatewayEndpoint } from './endpoints.ts';
import type { PublishedPorts } from './firewall.ts';
import type { EndpointRecord, PortWish } from './record.ts';
import { driverOf, type Room, type Sandbox } from './room.ts';
import { networkOfEndpoint } from './wiring.ts';

/** The endpoint that ports lead to: bridged, with a way out. */
export function publishingEndpoint(room: Room, sandbox: Sandbox): EndpointRecord | undefined {
  const bridged = sandbox.record.endpoints.filter((one) => driverOf(room, networkOfEndpoint(room, one)).isBridged);
  return gatewayEndpoint(bridged);
}

/** Takes the host ports. Throws `driver failed programming external connectivity on endpoint NAME (ID): …` and holds nothing then. */
export async function holdPorts(room: Room, sandbox: Sandbox, wishes: readonly PortWish[]): Promise<void> {
  const endpoint = publishingEndpoint(room, sandbox);
  if (!endpoint || wishes.length === 0) return;
  const hostIp = networkOfEndpoint(room, endpoint).options[bridgeOptions.hostBinding] ?? '';
  try {
    sandbox.held = await room.ports.allocate(wishes, addressOf(endpoint), hostIp === '0.0.0.0' ? '' : hostIp);
  } catch (error) {
    throw failure(sandbox, endpoint, error);
  }
  sandbox.record.ports = sandbox.held.map((one) => one.record);
}

/** Brings the firewall's elements in line with where the ports should lead now; none for a sandbox that is not wired. */
export async function publishPorts(room: Room, sandbox: Sandbox): Promise<void> {
  const endpoint = sandbox.isWired && sandbox.held.length > 0 ? publishingEndpoint(room, sandbox) : undefined;
  const address = endpoint ? addressOf(endpoint) : '';
  if (address === (sandbox.published?.address ?? '')) return;
  if (sandbox.published) {
    const before = sandbox.published;
    sandbox.published = undefined;
    await withdrawPorts(room, before);
  }
  if (!endpoint) return;
  for (const { holder } of sandbox.held) holder.target = address;
  const published = { ports: sandbox.record.ports, address };
  try {
    sandbox.published = published; // before the wait: whoever writes all rules anew meanwhile includes them
    await room.firewall.publish(published);
  } catch (error) {
    sandbox.published = undefined;
    await room.repairRules();
    throw failure(sandbox, endpoint, error);
  }
}

/** Takes elements out of the firewall; when that fails all rules are written anew. Set the sandbox's `published` to what is wanted before. */
export async function withdrawPorts(room: Room, before: PublishedPorts): Promise<void> {
  try {
    await room.firewall.unpublish(before);
  } catch (error) {
    room.log.warn('published ports not withdrawn', { ports: before.ports, error });
    await room.repairRules();
  }
}

/** The IPv4 address of an endpoint without its prefix length. */
export function addressOf(endpoint: EndpointRecord): string {
  return endpoint.address4.split('/')[0] ?? '';
}

function failure(sandbox: Sandbox, endpoint: EndpointRecord, error: unknown): Error {
  const { name } = sandbox.record;
  return internal(
    `driver failed programming external connectivity on endpoint ${name} (${endpoint.id}): ${messageOf(error)}`,
    error,
  );
}
