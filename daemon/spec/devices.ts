import { invalidArgument } from '../errors/error.ts';
import type { OciLinux } from './oci.ts';

/** A device node found on the host, with what the container may do with it. */
export interface ResolvedDevice {
  /** Where it shows up in the container. */
  path: string;
  type: 'c' | 'b';
  major: number;
  minor: number;
  fileMode: number;
  uid: number;
  gid: number;
  /** Of `rwm`. */
  access: string;
}

/** One rule of the device cgroup. */
export interface DeviceRule {
  allow: boolean;
  type?: string;
  major?: number;
  minor?: number;
  access: string;
}

/** Everything is denied but making nodes and the devices that the runtime always makes: Docker's rules. */
export const defaultDeviceRules: readonly DeviceRule[] = [
  { allow: false, access: 'rwm' },
  { allow: true, type: 'c', access: 'm' },
  { allow: true, type: 'b', access: 'm' },
  { allow: true, type: 'c', major: 1, minor: 3, access: 'rwm' },
  { allow: true, type: 'c', major: 1, minor: 5, access: 'rwm' },
  { allow: true, type: 'c', major: 1, minor: 7, access: 'rwm' },
  { allow: true, type: 'c', major: 1, minor: 8, access: 'rwm' },
  { allow: true, type: 'c', major: 1, minor: 9, access: 'rwm' },
  { allow: true, type: 'c', major: 5, minor: 0, access: 'rwm' },
  { allow: true, type: 'c', major: 5, minor: 1, access: 'rwm' },
  { allow: true, type: 'c', major: 5, minor: 2, access: 'rwm' },
  { allow: true, type: 'c', major: 136, access: 'rwm' },
];

/** Reads a `--device-cgroup-rule` such as `c 42:* rwm`. Throws invalidArgument with Docker's text. */
export function parseDeviceRule(text: string): DeviceRule {
  const match = /^([acb]) ([0-9]+|\*):([0-9]+|\*) ([rwm]{1,3})$/.exec(text);
  if (!match) throw invalidArgument(`invalid device cgroup rule format: '${text}'`);
  const [, type, major, minor, access = ''] = match;
  return {
    allow: true,
    type,
    ...(major === '*' ? {} : { major: Number(major) }),
    ...(minor === '*' ? {} : { minor: Number(minor) }),
    access,
  };
}

/** The rules for a container: defaults, its devices, then its own; a privileged one may use all. */
export function deviceRules(devices: readonly ResolvedDevice[], rules: readonly string[], privileged: boolean): DeviceRule[] {
  if (privileged) return [{ allow: true, access: 'rwm' }];
  const own = devices.map(({ type, major, minor, access }) => ({ allow: true, type, major, minor, access }));
  return [...defaultDeviceRules, ...own, ...rules.map(parseDeviceRule)];
}

/** The nodes for the runtime to make. */
export function deviceNodes(devices: readonly ResolvedDevice[]): NonNullable<OciLinux['devices']> {
  return devices.map(({ path, type, major, minor, fileMode, uid, gid }) => ({ path, type, major, minor, fileMode, uid, gid }));
}
