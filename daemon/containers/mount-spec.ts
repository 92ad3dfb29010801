import { posix } from 'node:path';
import { invalidArgument, type PouchError } from '../errors/error.ts';
import type { HostConfig, Mount } from '../types/docker/container.ts';
import { parseVolumeSpec } from './volume-spec.ts';

const propagations = ['', 'private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave'];

function refuse(mount: Mount, why: string): PouchError {
  return invalidArgument(`invalid mount config for type ${JSON.stringify(mount.Type ?? '')}: ${why}`);
}

/** Checks one `--mount` without touching the host; a bind's missing source is found by `resolveMounts`. Throws invalidArgument with Docker's texts. */
export function checkMount(mount: Mount): void {
  if (!mount.Target) throw refuse(mount, 'field Target must not be empty');
  if (!mount.Target.startsWith('/')) throw refuse(mount, `invalid mount path: '${mount.Target}' mount path must be absolute`);
  if (posix.normalize(mount.Target) === '/') throw refuse(mount, `invalid specification: destination can't be '/'`);
  switch (mount.Type) {
    case 'bind':
      if (!mount.Source) throw refuse(mount, 'field Source must not be empty');
      if (!mount.Source.startsWith('/')) throw refuse(mount, `invalid mount path: '${mount.Source}' mount path must be absolute`);
      if (mount.VolumeOptions) throw refuse(mount, 'field VolumeOptions must not be specified');
      if (!propagations.includes(mount.BindOptions?.Propagation ?? '')) {
        throw refuse(mount, `invalid propagation mode: ${mount.BindOptions?.Propagation}`);
      }
      return;
    case 'volume':
      if (mount.BindOptions) throw refuse(mount, 'field BindOptions must not be specified');
      if (mount.Source?.includes('/')) {
        throw refuse(
          mount,
          `create ${mount.Source}: ${JSON.stringify(mount.Source)} includes invalid characters for a local volume name`,
        );
      }
      if (!mount.Source && mount.ReadOnly) throw refuse(mount, 'must not set ReadOnly mode when using anonymous volumes');
      return;
    case 'tmpfs':
      if (mount.Source) throw refuse(mount, 'field Source must not be specified');
      if (mount.BindOptions) throw refuse(mount, 'field BindOptions must not be specified');
      if (mount.VolumeOptions) throw refuse(mount, 'field VolumeOptions must not be specified');
      if ((mount.TmpfsOptions?.SizeBytes ?? 0) < 0) throw refuse(mount, 'invalid size for tmpfs mount');
      return;
    default:
      throw invalidArgument(`invalid mount config for type ${JSON.stringify(mount.Type ?? '')}: mount type unknown`);
  }
}

const tmpfsFlags = new Set(
  'defaults ro rw suid nosuid dev nodev exec noexec sync async dirsync remount mand nomand atime noatime diratime nodiratime bind rbind unbindable runbindable private rprivate shared rshared slave rslave relatime norelatime strictatime nostrictatime'.split(
    ' ',
  ),
);
const tmpfsValues = new Set(['mode', 'uid', 'gid', 'nr_inodes', 'nr_blocks', 'size', 'mpol']);

/** The mount options of a `--tmpfs` value, over Docker's defaults. Throws invalidArgument `Invalid tmpfs option …`. */
export function tmpfsOptions(text: string): string[] {
  const given = text ? text.split(',') : [];
  for (const option of given) {
    const key = option.split('=', 1)[0] ?? '';
    if (!(option.includes('=') ? tmpfsValues.has(key) : tmpfsFlags.has(key)))
      throw invalidArgument(`Invalid tmpfs option ${JSON.stringify(option)}`);
  }
  const opposite: Record<string, string> = { noexec: 'exec', nosuid: 'suid', nodev: 'dev' };
  const defaults = Object.keys(opposite).filter((one) => !given.includes(opposite[one] ?? '') && !given.includes(one));
  return [...defaults, ...given.filter((one) => one !== 'defaults' && !Object.values(opposite).includes(one))];
}

/** The mount options of a `--mount type=tmpfs`. */
export function tmpfsMountOptions(mount: Mount): string[] {
  const { SizeBytes, Mode } = mount.TmpfsOptions ?? {};
  return [
    'noexec',
    'nosuid',
    'nodev',
    ...(Mode ? [`mode=${Mode.toString(8)}`] : []),
    ...(SizeBytes ? [`size=${SizeBytes}`] : []),
  ];
}

/** Checks all mounts a HostConfig asks for, and that no two go to the same place. */
export function checkMounts(hostConfig: HostConfig): void {
  const places = new Set<string>();
  const claim = (destination: string) => {
    if (places.has(destination)) throw invalidArgument(`Duplicate mount point: ${destination}`);
    places.add(destination);
  };
  for (const bind of hostConfig.Binds ?? []) claim(parseVolumeSpec(bind).destination);
  for (const mount of hostConfig.Mounts ?? []) {
    checkMount(mount);
    claim(posix.normalize(mount.Target ?? ''));
  }
  for (const [destination, options] of Object.entries(hostConfig.Tmpfs ?? {})) {
    if (!destination.startsWith('/')) throw invalidArgument(`invalid mount path: '${destination}' mount path must be absolute`);
    tmpfsOptions(options);
    claim(posix.normalize(destination));
  }
}
