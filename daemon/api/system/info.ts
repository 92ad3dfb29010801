/*
 * `GET /info`. What clients act on is true; what only Docker has (graph drivers, swarm, build) is told as a Docker daemon without it would. Fields that came and went with
 * API versions follow the version that the client speaks.
 */
import { nowText } from '../../lib/time.ts';
import { engineVersion } from '../../lib/version.ts';
import { isBefore } from '../http/version.ts';
import type { SystemBackend } from './backend.ts';
import { isSysctlOn } from './host.ts';
import { containerdVersion } from './version-info.ts';

/** The answer of `GET /info`, as the version that the client speaks has it. */
export async function systemInfo(backend: SystemBackend, apiVersion: string): Promise<object> {
  const { config, host } = backend;
  const security = securityOptions(backend);
  const isOld = isBefore(apiVersion, '1.25');
  return {
    ID: backend.daemonId,
    ...containerCounts(backend),
    Images: backend.images?.list().length ?? 0,
    Driver: config.snapshotter,
    DriverStatus: [['driver-type', 'io.containerd.snapshotter.v1']],
    ...(isBefore(apiVersion, '1.42') && {
      KernelMemoryTCP: host.cgroupVersion === 1 && host.controllers.has('memory'),
      KernelMemory: host.cgroupVersion === 1 && host.controllers.has('memory'),
    }),
    Plugins: pluginLists(backend),
    ...limits(backend),
    ...(isOld && { ExecutionDriver: '<not supported>' }),
    Debug: config.debug,
    NFd: openFiles(),
    NGoroutines: process.getActiveResourcesInfo().length,
    SystemTime: nowText(),
    LoggingDriver: config.logDriver,
    CgroupDriver: 'cgroupfs',
    CgroupVersion: String(host.cgroupVersion),
    NEventsListener: backend.eventReaders,
    KernelVersion: host.kernelVersion,
    OperatingSystem: host.operatingSystem,
    OSVersion: host.osVersion,
    OSType: 'linux',
    Architecture: host.machine,
    IndexServerAddress: 'https://index.docker.io/v1/',
    RegistryConfig: registryConfig(backend),
    NCPU: host.cpus,
    MemTotal: host.memoryBytes,
    GenericResources: null,
    DockerRootDir: config.root,
    HttpProxy: withoutPassword(process.env['HTTP_PROXY'] ?? process.env['http_proxy']),
    HttpsProxy: withoutPassword(process.env['HTTPS_PROXY'] ?? process.env['https_proxy']),
    NoProxy: process.env['NO_PROXY'] ?? process.env['no_proxy'] ?? '',
    Name: host.hostname,
    Labels: config.labels,
    ExperimentalBuild: false,
    ServerVersion: engineVersion,
    Runtimes: Object.fromEntries(
      Object.entries(config.runtimes).map(([name, one]) => [
        name,
        { path: one.path, ...(one.args && { runtimeArgs: one.args }) },
      ]),
    ),
    DefaultRuntime: config.defaultRuntime,
    Swarm: { NodeID: '', NodeAddr: '', LocalNodeState: 'inactive', ControlAvailable: false, Error: '', RemoteManagers: null },
    LiveRestoreEnabled: true,
    Isolation: '',
    InitBinary: config.initPath || 'docker-init',
    ...(await commits(backend)),
    SecurityOptions: isOld ? security.map((one) => one.replace(/^name=([^,]+).*/, '$1')) : security,
    ...(config.defaultAddressPools.length > 0 && {
      DefaultAddressPools: config.defaultAddressPools.map((one) => ({ Base: one.base, Size: one.size })),
    }),
    ...(!isBefore(apiVersion, '1.44') && { CDISpecDirs: [] }),
    Warnings: warnings(backend),
  };
}

function containerCounts({ containers }: SystemBackend): object {
  const states = (containers?.table.all() ?? []).map((one) => one.record.state);
  const paused = states.filter((one) => one.Paused).length;
  const running = states.filter((one) => one.Running && !one.Paused).length;
  return {
    Containers: states.length,
    ContainersRunning: running,
    ContainersPaused: paused,
    ContainersStopped: states.length - running - paused,
  };
}

/**
 * Docker's client shows these four lists and no other. Compiled-in hook plugins may refuse what they see, so they stand with the authorization plugins; `Hook` tells
 * them apart for those who read the JSON.
 */
function pluginLists(backend: SystemBackend): object {
  const hooks = [...new Set(backend.hooks.plugins().map((one) => (one.version ? `${one.package}@${one.version}` : one.id)))];
  return {
    Volume: ['local', ...backend.volumeDrivers],
    Network: ['bridge', 'host', 'ipvlan', 'macvlan', 'null'],
    Authorization: hooks.length > 0 ? hooks : null,
    Log: (backend.stdio?.logDrivers ?? []).filter((one) => one !== 'none').sort(),
    Hook: hooks,
  };
}

function limits({ host }: SystemBackend): object {
  const has = (name: string): boolean => host.controllers.has(name);
  const isV1 = host.cgroupVersion === 1;
  return {
    MemoryLimit: has('memory'),
    SwapLimit: has('memory') && host.hasSwapLimit,
    CpuCfsPeriod: has('cpu'),
    CpuCfsQuota: has('cpu'),
    CPUShares: has('cpu'),
    CPUSet: has('cpuset'),
    PidsLimit: has('pids'),
    IPv4Forwarding: isSysctlOn('net/ipv4/ip_forward'),
    BridgeNfIptables: isSysctlOn('net/bridge/bridge-nf-call-iptables'),
    BridgeNfIp6tables: isSysctlOn('net/bridge/bridge-nf-call-ip6tables'),
    OomKillDisable: isV1 && has('memory'),
  };
}

function warnings({ host }: SystemBackend): string[] | null {
  const missing: [string, boolean][] = [
    ['memory limit', host.controllers.has('memory')],
    ['swap limit', host.hasSwapLimit],
    ['cpu cfs quota', host.controllers.has('cpu')],
    ['cpuset', host.controllers.has('cpuset')],
    ['pids limit', host.controllers.has('pids')],
  ];
  const found = missing.filter(([, has]) => !has).map(([name]) => `WARNING: No ${name} support`);
  if (!isSysctlOn('net/ipv4/ip_forward')) found.push('WARNING: IPv4 forwarding is disabled');
  return found.length > 0 ? found : null; // Go's nil slice
}

function securityOptions({ host }: SystemBackend): string[] {
  const options: string[] = [];
  if (host.hasApparmor) options.push('name=apparmor');
  if (host.hasSeccomp) options.push('name=seccomp,profile=default');
  if (host.cgroupVersion === 2 && host.hasPrivateCgroups) options.push('name=cgroupns');
  return options;
}

function registryConfig({ config }: SystemBackend): object {
  const isCidr = (one: string): boolean => /\/\d+$/.test(one);
  const hosts = config.insecureRegistries.filter((one) => !isCidr(one));
  const index = (name: string, official: boolean, secure: boolean) => ({
    Mirrors: official ? config.registryMirrors : [],
    Name: name,
    Official: official,
    Secure: secure,
  });
  return {
    AllowNondistributableArtifactsCIDRs: [],
    AllowNondistributableArtifactsHostnames: [],
    InsecureRegistryCIDRs: [...new Set([...config.insecureRegistries.filter(isCidr), '::1/128', '127.0.0.0/8'])],
    IndexConfigs: Object.fromEntries([
      ['docker.io', index('docker.io', true, true)],
      ...hosts.map((host) => [host, index(host, false, false)]),
    ]),
    Mirrors: config.registryMirrors,
  };
}

async function commits(backend: SystemBackend): Promise<object> {
  const { tools, config } = backend;
  const [containerd, runtime, init] = await Promise.all([
    containerdVersion(backend),
    tools.of(config.runtimes[config.defaultRuntime]?.path ?? 'runc'),
    tools.of(config.initPath || 'docker-init'),
  ]);
  const commit = (id: string) => ({ ID: id, Expected: id });
  return {
    ContainerdCommit: commit(containerd.commit),
    RuncCommit: commit(runtime.commit || runtime.version),
    InitCommit: commit(init.commit || init.version),
  };
}

function openFiles(): number {
  return process.getActiveResourcesInfo().filter((one) => /Wrap$|^FS/.test(one)).length;
}

/** A proxy's URL without its password: everybody with access to the API sees this. */
function withoutPassword(url: string | undefined): string {
  return (url ?? '').replace(/\/\/[^@/]*@/, '//xxxxx:xxxxx@');
}
