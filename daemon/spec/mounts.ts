import type { ResolvedMount, SpecInput } from './contract.ts';
import type { OciMount } from './oci.ts';

const guarded = ['nosuid', 'noexec', 'nodev'];

/** What every container has mounted before its own mounts come. */
function systemMounts(input: SpecInput): OciMount[] {
  const privileged = input.hostConfig.Privileged === true;
  const access = privileged ? 'rw' : 'ro';
  return [
    { destination: '/proc', type: 'proc', source: 'proc', options: guarded },
    { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'] },
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
    },
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options: [...guarded, access] },
    // Of the container's IPC namespace, the host's included: a host without /dev/mqueue has none to bind.
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: guarded },
    { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: [access, ...guarded] },
  ];
}

function ownMount(mount: ResolvedMount): OciMount {
  const access = mount.readOnly ? 'ro' : 'rw';
  if (mount.type === 'tmpfs') {
    const free = mount.options.filter((one) => one !== 'rw' && one !== 'ro');
    return { destination: mount.destination, type: 'tmpfs', source: 'tmpfs', options: [...free, access] };
  }
  const bind = mount.options.includes('bind') || mount.options.includes('rbind') ? [] : ['rbind'];
  const propagation = mount.options.some((one) => /^r?(private|shared|slave)$/.test(one)) ? [] : ['rprivate'];
  return {
    destination: mount.destination,
    type: 'bind',
    source: mount.source,
    options: [...bind, access, ...propagation, ...mount.options],
  };
}

const depth = (path: string) => path.split('/').filter(Boolean).length;

/**
 * All mounts in the order the runtime makes them: the system's, then the container's own by depth. A mount of its own at a system place wins, and one over `/dev` or `/sys`
 * also takes away the system's mounts below it.
 */
export function mountsOf(input: SpecInput): OciMount[] {
  const own = [...input.mounts].sort((a, b) => depth(a.destination) - depth(b.destination));
  const taken = new Set(own.map((mount) => mount.destination));
  const isUnder = (path: string) => [...taken].some((place) => path === place || path.startsWith(`${place}/`));
  return [...systemMounts(input).filter((mount) => !isUnder(mount.destination)), ...own.map(ownMount)];
}
