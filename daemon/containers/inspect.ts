import { join } from 'node:path';
import { isKind } from '../errors/error.ts';
import type { ContainerConfig, ContainerJSON } from '../types/docker/container.ts';
import { configDefaults, hostConfigDefaults } from './inspect-defaults.ts';
import { sizes } from './list.ts';
import type { LiveContainer } from './live.ts';
import { networkSettings } from './network-settings.ts';
import type { Room } from './room.ts';

/** See ContainerLifecycle.inspect. */
export async function inspect(room: Room, container: LiveContainer, options: { size?: boolean } = {}): Promise<ContainerJSON> {
  const { record, dir } = container;
  const file = (name: string) => (record.hasBeenStartedBefore ? join(dir, name) : '');
  return {
    Id: record.id,
    Created: record.created,
    Path: record.args[0] ?? '',
    Args: record.args.slice(1),
    State: record.state,
    Image: record.imageId,
    ResolvConfPath: file('resolv.conf'),
    HostnamePath: file('hostname'),
    HostsPath: file('hosts'),
    LogPath: record.logPath,
    Name: `/${record.name}`,
    RestartCount: record.restartCount,
    Driver: record.snapshotter,
    Platform: 'linux',
    MountLabel: '',
    ProcessLabel: record.processLabel,
    AppArmorProfile: record.appArmorProfile,
    ExecIDs: container.execs.size > 0 ? [...container.execs] : null,
    HostConfig: { ...hostConfigDefaults, ...record.hostConfig },
    GraphDriver: { Data: await layerFolders(room, container), Name: record.snapshotter },
    ...(options.size ? await sizes(room, container) : {}),
    Mounts: record.mounts,
    Config: { ...configDefaults, ...withoutEmpty(record.config) },
    NetworkSettings: networkSettings(container),
  };
}

/** The merge with the image writes `undefined` where neither says anything; that must not hide a default. */
function withoutEmpty(config: ContainerConfig): ContainerConfig {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined));
}

/** The overlay's folders as Docker's overlay2 driver tells them; null for other kinds of roots. */
async function layerFolders(room: Room, { record }: LiveContainer): Promise<Record<string, string> | null> {
  try {
    const [mount] = await room.images.rootfsMounts(record.id, record.snapshotter);
    if (mount?.type !== 'overlay') return null;
    const value = (name: string) => mount.options.find((one) => one.startsWith(`${name}=`))?.slice(name.length + 1) ?? '';
    return { LowerDir: value('lowerdir'), UpperDir: value('upperdir'), WorkDir: value('workdir') };
  } catch (error) {
    if (isKind(error, 'notFound')) return null; // its snapshot went while we looked
    throw error;
  }
}
