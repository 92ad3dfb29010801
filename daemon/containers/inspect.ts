import { join } from 'node:path';
import { isKind } from '../errors/error.ts';
import { fullConfig } from '../lib/full-config.ts';
import type { ContainerJSON } from '../types/docker/container.ts';
import { fullHostConfig } from './full-host-config.ts';
import { shownLinks } from './links.ts';
import { sizes } from './list.ts';
import type { LiveContainer } from './live.ts';
import { networkSettings } from './network-settings.ts';
import type { Room } from './room.ts';
import { mountedRoot } from './rootfs-path.ts';

/** See ContainerLifecycle.inspect. */
export async function inspect(
  room: Room,
  container: LiveContainer,
  options: { size?: boolean; apiVersion?: string } = {},
): Promise<ContainerJSON> {
  const { record, dir } = container;
  const minor = Number(options.apiVersion?.split('.')[1] ?? 44);
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
    ExecIDs: record.state.Running && container.execs.size > 0 ? [...container.execs] : null,
    HostConfig: { ...fullHostConfig(record.hostConfig, minor < 42), Links: shownLinks(room, record) },
    GraphDriver: { Data: await layerFolders(room, container), Name: record.snapshotter },
    ...(options.size ? await sizes(room, container) : {}),
    Mounts: record.mounts,
    Config: fullConfig(record.config),
    NetworkSettings: networkSettings(container, { hasDnsNames: minor >= 44 }),
  };
}

/** Where the root of a running container is mounted; empty for one that does not run. */
async function mergedDir({ record }: LiveContainer): Promise<string> {
  return record.state.Pid > 0 ? ((await mountedRoot(record.id)) ?? '') : '';
}

/** The overlay's folders as Docker's overlay2 driver tells them; null for other kinds of roots. */
async function layerFolders(room: Room, container: LiveContainer): Promise<Record<string, string> | null> {
  const { record } = container;
  try {
    const [mount] = await room.images.rootfsMounts(record.id, record.snapshotter);
    if (mount?.type !== 'overlay') return null;
    const value = (name: string) => mount.options.find((one) => one.startsWith(`${name}=`))?.slice(name.length + 1) ?? '';
    const MergedDir = await mergedDir(container);
    return { LowerDir: value('lowerdir'), MergedDir, UpperDir: value('upperdir'), WorkDir: value('workdir') };
  } catch (error) {
    if (isKind(error, 'notFound')) return null; // its snapshot went while we looked
    throw error;
  }
}
