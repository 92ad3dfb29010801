import type { ContainerConfig, HostConfig } from '../types/docker/container.ts';
import type { ResolvedDevice } from './devices.ts';
import type { OciSpec } from './oci.ts';
import type { BlockDevices } from './resources.ts';

/** A mount the containers room has resolved: volumes and binds already have host paths. */
export interface ResolvedMount {
  type: 'bind' | 'tmpfs';
  /** Host path for `bind`; unused for tmpfs. */
  source: string;
  destination: string;
  readOnly: boolean;
  /** Extra mount options (propagation, tmpfs options such as size=…). */
  options: string[];
}

/** One prestart entry in its final order; `args[0]` is argv0. */
export interface PrestartEntry {
  path: string;
  args: string[];
  env?: string[];
  /** Seconds. */
  timeout?: number;
}

/** Everything `buildSpec` needs; it does no I/O of its own. */
export interface SpecInput {
  containerId: string;
  config: ContainerConfig;
  hostConfig: HostConfig;
  /** Command line after entrypoint and image are merged: never empty. */
  args: string[];
  /** Final environment incl. PATH, HOSTNAME, TERM, HOME where Docker adds them. */
  env: string[];
  workingDir: string;
  user: { uid: number; gid: number; additionalGids: number[]; username?: string };
  hostname: string;
  /** In order of destination depth: includes /etc/hosts, /etc/hostname, /etc/resolv.conf. */
  mounts: ResolvedMount[];
  namespaces: {
    /** Path of the network namespace; `host` shares the host's. */
    network: string;
    pid: 'private' | 'host' | { path: string };
    ipc: 'private' | 'host' | 'none' | { path: string };
    uts: 'private' | 'host';
    cgroup: 'private' | 'host';
  };
  cgroupsPath: string;
  rootfsPath: string;
  prestart: PrestartEntry[];
  ociHooks?: OciSpec['hooks'];
  annotations: Record<string, string>;
  /** Path of the init binary to bind at /sbin/docker-init when HostConfig.Init asks for it. */
  initPath?: string;
  /** Host devices the container gets, already looked up. */
  devices?: ResolvedDevice[];
  /** Numbers of the block devices that the throttle lists name. */
  blockDevices?: BlockDevices;
  /** False when the network namespace is another container's: its sysctls are left alone. Default true. */
  ownsNetwork?: boolean;
  /** What the host can do, probed once. */
  host: HostFacts;
}

/** Facts of this machine that the spec is fitted to instead of failing in runc. */
export interface HostFacts {
  cgroupVersion: 1 | 2;
  /** Capability names (CAP_…) in the daemon's bounding set. */
  capabilities: ReadonlySet<string>;
  /** Lowest oom_score_adj the daemon may set. */
  minOomScoreAdj: number;
  /** Hard limits the daemon may not raise: rlimit name -> hard limit; empty with CAP_SYS_RESOURCE. */
  rlimitCeilings: Record<string, number>;
  apparmor: boolean;
  seccomp: boolean;
  architecture: 'x64' | 'arm64';
  /** cgroup v1 controllers, or the v2 ones of the root's cgroup.controllers. */
  controllers: ReadonlySet<string>;
  cpus: number;
  memoryBytes: number;
}
