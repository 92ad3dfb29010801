import { forbidden, invalidArgument, isKind } from '../errors/error.ts';
import type { EndpointSettings } from '../types/docker/network.ts';
import type { LiveContainer } from './live.ts';
import { networkOfMode } from './network-plan.ts';
import type { Room } from './room.ts';
import { changeHosts, changeResolver } from './start-files.ts';

/** See ContainerLifecycle.networkConnect. A container that does not run only remembers it for its next start. */
export async function networkConnect(
  room: Room,
  container: LiveContainer,
  ref: string,
  settings: EndpointSettings,
): Promise<void> {
  await room.table.locked(container, async () => {
    const { record } = container;
    const network = room.networks.resolve(ref);
    checkConnect(container, network.name);
    const asked = await askPlugins(room, container, { name: network.name, id: network.id, settings });
    room.networks.validate({ [network.name]: asked });
    if (!record.state.Running || record.state.Restarting) {
      record.networks[network.name] = { ...asked, NetworkID: network.id };
    } else {
      const got = await room.networks.connect(record.id, network.id, asked);
      record.networks[network.name] = { ...asked, ...got };
      const { Hostname = '', Domainname = '' } = record.config;
      const name = Domainname ? `${Hostname}.${Domainname} ${Hostname}` : Hostname;
      if (got.IPAddress) changeHosts(container, { add: `${got.IPAddress}\t${name}` });
      refreshResolver(room, container);
    }
    room.table.save(container);
  });
}

function checkConnect({ record }: LiveContainer, name: string): void {
  const main = networkOfMode(record.hostConfig.NetworkMode);
  if (main === undefined || main === 'host' || 'host' in record.networks) {
    throw invalidArgument(
      'container sharing network namespace with another container or host cannot be connected to any other network',
    );
  }
  if (name === 'host') throw invalidArgument('container cannot be disconnected from host network or connected to host network');
  const others = Object.keys(record.networks);
  if (name === 'none' || others.includes('none')) {
    throw invalidArgument('container cannot be connected to multiple networks with one of the networks in private (none) mode');
  }
  if (name in record.networks) throw forbidden(`endpoint with name ${record.name} already exists in network ${name}`);
}

async function askPlugins(
  room: Room,
  { record }: LiveContainer,
  network: { name: string; id: string; settings: EndpointSettings },
): Promise<EndpointSettings> {
  if (!room.hooks.has('container.preCreateEndpoint')) return network.settings;
  const endpoint = {
    network: network.name,
    networkId: network.id,
    settings: network.settings,
    priority: 0,
    disableResolver: false,
    genericParams: {},
  };
  await room.hooks.run('container.preCreateEndpoint', record.id, record.config.Env ?? [], endpoint);
  return endpoint.settings;
}

function refreshResolver(room: Room, container: LiveContainer): void {
  const dns = room.networks.dnsOf(container.record.id);
  if (dns) changeResolver(room, container, dns);
}

/** See ContainerLifecycle.networkDisconnect. */
export async function networkDisconnect(room: Room, container: LiveContainer, ref: string, force: boolean): Promise<void> {
  await room.table.locked(container, async () => {
    const { record } = container;
    const network = room.networks.find(ref);
    const name = network?.name ?? ref;
    if (!network && !force) room.networks.resolve(ref);
    if (name === 'host' && name in record.networks)
      throw invalidArgument('container cannot be disconnected from host network or connected to host network');
    const settings = record.networks[name];
    if (!settings) throw forbidden(`container ${record.id} is not connected to network ${name}`);
    if (record.state.Running && !record.state.Restarting && network) {
      try {
        await room.networks.disconnect(record.id, network.id);
      } catch (error) {
        if (!force || !isKind(error, 'notFound')) throw error;
      }
      if (settings.IPAddress) changeHosts(container, { removeAddress: settings.IPAddress });
      refreshResolver(room, container);
    }
    delete record.networks[name];
    room.table.save(container);
  });
}
