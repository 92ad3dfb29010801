/*
 * What a container has mounted, found at create and kept in its record as inspect shows it: volumes-from first, then -v, then --mount, then the volumes of the image, each
 * place once. Volumes are made, referenced and (the first time) filled from the image here. tmpfs mounts of `--tmpfs` are no mount points; start reads them from HostConfig.
 */
import { existsSync } from 'node:fs';
import { posix } from 'node:path';
import { invalidArgument } from '../errors/error.ts';
import type { ContainerConfig, HostConfig, Mount, MountPoint } from '../types/docker/container.ts';
import type { Volume } from '../types/docker/volume.ts';
import type { LiveContainer } from './live.ts';
import type { Room } from './room.ts';
import { parseVolumeSpec } from './volume-spec.ts';

/** Mount points to be, before any volume is made. */
interface Wanted {
  point: MountPoint;
  /** How a volume is to be made; undefined for binds and for volumes of other containers. */
  volume?: { name: string; driver: string; options: Record<string, string>; labels: Record<string, string> };
  copyUp: boolean;
}

/** What create is told about the mounts of a new container. */
export interface MountPlan {
  points: MountPoint[];
  /** Volumes to be filled from the image: name -> place in the image. */
  copyUp: { volume: string; destination: string }[];
}

type VolumesRoom = Pick<Room, 'volumes' | 'table'>;

/** Finds and makes the mounts of a container; every reference it takes is pushed on `undo`. */
export async function planMounts(
  room: VolumesRoom,
  request: { id: string; config: ContainerConfig; hostConfig: HostConfig },
  undo: AsyncDisposableStack,
): Promise<MountPlan> {
  const wanted = wantedMounts(room, request.config, request.hostConfig);
  const plan: MountPlan = { points: [], copyUp: [] };
  for (const one of wanted.values()) {
    if (one.volume) await makeVolume(room, one, undo);
    if (one.point.Type === 'volume' && one.point.Name) {
      const name = one.point.Name;
      room.volumes.reference(name, request.id);
      undo.defer(() => room.volumes.release(name, request.id));
      if (one.copyUp) plan.copyUp.push({ volume: name, destination: one.point.Destination });
    }
    plan.points.push(one.point);
  }
  return plan;
}

async function makeVolume(room: VolumesRoom, one: Wanted, undo: AsyncDisposableStack): Promise<void> {
  const { name, driver, options, labels } = one.volume!;
  const isAnonymous = name === '';
  const volume: Volume = await room.volumes.create({
    Name: name,
    Driver: driver,
    ...(options && Object.keys(options).length > 0 && { DriverOpts: options }),
    ...(labels && Object.keys(labels).length > 0 && { Labels: labels }),
  });
  if (isAnonymous) undo.defer(() => room.volumes.remove(volume.Name, { force: true }));
  Object.assign(one.point, { Name: volume.Name, Source: volume.Mountpoint, Driver: volume.Driver });
}

function wantedMounts(room: VolumesRoom, config: ContainerConfig, hostConfig: HostConfig): Map<string, Wanted> {
  const wanted = new Map<string, Wanted>();
  for (const from of hostConfig.VolumesFrom ?? []) {
    for (const one of inherited(room.table.resolve(from.split(':')[0] ?? ''), from.split(':')[1]))
      wanted.set(one.point.Destination, one);
  }
  for (const bind of hostConfig.Binds ?? []) {
    const one = boundMount(bind, hostConfig);
    wanted.set(one.point.Destination, one);
  }
  for (const mount of hostConfig.Mounts ?? []) {
    const one = apiMount(mount, hostConfig);
    if (one) wanted.set(one.point.Destination, one);
  }
  for (const path of Object.keys(config.Volumes ?? {})) {
    const destination = posix.normalize(path).replace(/(?<=.)\/+$/, '');
    if (wanted.has(destination) || destination in (hostConfig.Tmpfs ?? {})) continue;
    if (hostConfig.Mounts?.some((mount) => mount.Type === 'tmpfs' && mount.Target === destination)) continue;
    wanted.set(destination, anonymous(destination, hostConfig.VolumeDriver));
  }
  return wanted;
}

function anonymous(destination: string, driver: string | undefined): Wanted {
  return {
    point: point('volume', destination, { Name: '', Driver: driver || 'local' }),
    volume: { name: '', driver: driver ?? '', options: {}, labels: {} },
    copyUp: true,
  };
}

function inherited(from: LiveContainer, mode: string | undefined): Wanted[] {
  return from.record.mounts
    .filter((one) => one.Type !== 'tmpfs')
    .map((one) => ({ point: { ...one, RW: one.RW && mode !== 'ro', Mode: mode ?? one.Mode }, copyUp: false }));
}

function boundMount(text: string, hostConfig: HostConfig): Wanted {
  const spec = parseVolumeSpec(text);
  if (spec.isBind) {
    return {
      point: point('bind', spec.destination, {
        Source: spec.source,
        Mode: spec.mode,
        RW: !spec.readOnly,
        Propagation: spec.propagation,
      }),
      copyUp: false,
    };
  }
  const driver = hostConfig.VolumeDriver ?? '';
  return {
    point: point('volume', spec.destination, {
      Name: spec.source,
      Driver: driver || 'local',
      Mode: spec.mode || 'z',
      RW: !spec.readOnly,
    }),
    volume: { name: spec.source, driver, options: {}, labels: {} },
    copyUp: !spec.noCopy,
  };
}

function apiMount(mount: Mount, hostConfig: HostConfig): Wanted | undefined {
  const destination = posix.normalize(mount.Target ?? '');
  const RW = mount.ReadOnly !== true;
  switch (mount.Type) {
    case 'bind':
      if (!existsSync(mount.Source ?? '') && !mount.BindOptions?.CreateMountpoint) {
        throw invalidArgument(`invalid mount config for type "bind": bind source path does not exist: ${mount.Source}`);
      }
      return {
        point: point('bind', destination, {
          Source: mount.Source,
          RW,
          Propagation: mount.BindOptions?.Propagation || 'rprivate',
        }),
        copyUp: false,
      };
    case 'volume': {
      const { Name = '', Options = {} } = mount.VolumeOptions?.DriverConfig ?? {};
      const driver = Name || hostConfig.VolumeDriver || '';
      return {
        point: point('volume', destination, { Name: mount.Source ?? '', Driver: driver || 'local', Mode: 'z', RW }),
        volume: { name: mount.Source ?? '', driver, options: Options ?? {}, labels: mount.VolumeOptions?.Labels ?? {} },
        copyUp: mount.VolumeOptions?.NoCopy !== true,
      };
    }
    case 'tmpfs':
      return { point: point('tmpfs', destination, { RW }), copyUp: false };
    default:
      return undefined;
  }
}

function point(type: string, destination: string, fields: Partial<MountPoint>): MountPoint {
  return { Type: type, Source: '', Destination: destination, Mode: '', RW: true, Propagation: '', ...fields };
}
