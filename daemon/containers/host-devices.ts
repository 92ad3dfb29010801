import { lstatSync, readdirSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import { internal } from '../errors/error.ts';
import type { ResolvedDevice } from '../spec/devices.ts';
import type { DeviceMapping, HostConfig } from '../types/docker/container.ts';

/** Numbers of a device as the kernel packs them into `st_rdev`. */
export function deviceNumbers(rdev: number): { major: number; minor: number } {
  const packed = BigInt(rdev);
  const major = Number(((packed >> 8n) & 0xfffn) | ((packed >> 32n) & ~0xfffn));
  const minor = Number((packed & 0xffn) | ((packed >> 12n) & ~0xffn));
  return { major, minor };
}

/** The host devices a container gets: those of `--device` (a folder stands for all in it), or all for a privileged one. Throws with Docker's text for one that is none. */
export function hostDevices(hostConfig: HostConfig): ResolvedDevice[] {
  for (const { Driver, Capabilities } of hostConfig.DeviceRequests ?? []) {
    const sets = (Capabilities ?? []).map((set) => `[${set.join(' ')}]`).join(' ');
    throw internal(`could not select device driver ${JSON.stringify(Driver ?? '')} with capabilities: [${sets}]`);
  }
  if (hostConfig.Privileged) return devicesUnder('/dev', '/dev', 'rwm');
  return (hostConfig.Devices ?? []).flatMap(mappedDevices);
}

function mappedDevices(mapping: DeviceMapping): ResolvedDevice[] {
  const source = mapping.PathOnHost ?? '';
  const target = mapping.PathInContainer || source;
  const access = mapping.CgroupPermissions || 'rwm';
  let stats: Stats;
  try {
    stats = statSync(source);
  } catch (error) {
    throw internal(
      `error gathering device information while adding custom device ${JSON.stringify(source)}: no such file or directory`,
      error,
    );
  }
  if (stats.isDirectory()) return devicesUnder(source, target, access);
  const device = deviceOf(stats, target, access);
  if (!device)
    throw internal(`error gathering device information while adding custom device ${JSON.stringify(source)}: not a device node`);
  return [device];
}

/** Left to the runtime, or made for each container anew. */
const skipped = new Set(['pts', 'shm', 'fd', 'mqueue', '.lxc', '.lxd-mounts', '.udev']);

function devicesUnder(folder: string, target: string, access: string): ResolvedDevice[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return skipped.has(entry.name) ? [] : devicesUnder(path, join(target, entry.name), access);
    if (entry.name === 'console' || !(entry.isCharacterDevice() || entry.isBlockDevice())) return [];
    const stats = lstatSync(path, { throwIfNoEntry: false });
    const device = stats && deviceOf(stats, join(target, entry.name), access);
    return device ? [device] : [];
  });
}

function deviceOf(stats: Stats, path: string, access: string): ResolvedDevice | undefined {
  if (!stats.isCharacterDevice() && !stats.isBlockDevice()) return undefined;
  const { major, minor } = deviceNumbers(stats.rdev);
  return {
    path,
    type: stats.isCharacterDevice() ? 'c' : 'b',
    major,
    minor,
    fileMode: stats.mode & 0o777,
    uid: stats.uid,
    gid: stats.gid,
    access,
  };
}

/** Numbers of the block devices that the throttle lists name. Throws with Docker's text for a path that is none. */
export function blockDevices(hostConfig: HostConfig): Map<string, { major: number; minor: number }> {
  const found = new Map<string, { major: number; minor: number }>();
  for (const list of [
    hostConfig.BlkioWeightDevice,
    hostConfig.BlkioDeviceReadBps,
    hostConfig.BlkioDeviceWriteBps,
    hostConfig.BlkioDeviceReadIOps,
    hostConfig.BlkioDeviceWriteIOps,
  ]) {
    for (const { Path } of list ?? []) {
      const stats = statSync(Path, { throwIfNoEntry: false });
      if (!stats) throw internal(`no such file or directory: ${Path}`);
      found.set(Path, deviceNumbers(stats.rdev));
    }
  }
  return found;
}
