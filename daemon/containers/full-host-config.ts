import { withZeros } from '../lib/full-config.ts';
import type { DeviceRequest, HostConfig, PortMap } from '../types/docker/container.ts';

/** What Go's JSON of a HostConfig has where nothing was said. */
const zero = {
  Binds: null,
  ContainerIDFile: '',
  LogConfig: { Type: '', Config: {} },
  NetworkMode: '',
  PortBindings: null,
  RestartPolicy: { Name: '', MaximumRetryCount: 0 },
  AutoRemove: false,
  VolumeDriver: '',
  VolumesFrom: null,
  CapAdd: null,
  CapDrop: null,
  CgroupnsMode: '',
  Dns: null,
  DnsOptions: null,
  DnsSearch: null,
  ExtraHosts: null,
  GroupAdd: null,
  IpcMode: '',
  Cgroup: '',
  Links: null,
  OomScoreAdj: 0,
  PidMode: '',
  Privileged: false,
  PublishAllPorts: false,
  ReadonlyRootfs: false,
  SecurityOpt: null,
  UTSMode: '',
  UsernsMode: '',
  ShmSize: 0,
  ConsoleSize: [0, 0],
  Isolation: '',
  CpuShares: 0,
  Memory: 0,
  NanoCpus: 0,
  CgroupParent: '',
  BlkioWeight: 0,
  BlkioWeightDevice: null,
  BlkioDeviceReadBps: null,
  BlkioDeviceWriteBps: null,
  BlkioDeviceReadIOps: null,
  BlkioDeviceWriteIOps: null,
  CpuPeriod: 0,
  CpuQuota: 0,
  CpuRealtimePeriod: 0,
  CpuRealtimeRuntime: 0,
  CpusetCpus: '',
  CpusetMems: '',
  Devices: null,
  DeviceCgroupRules: null,
  DeviceRequests: null,
  MemoryReservation: 0,
  MemorySwap: 0,
  MemorySwappiness: null,
  OomKillDisable: false,
  PidsLimit: null,
  Ulimits: null,
  CpuCount: 0,
  CpuPercent: 0,
  IOMaximumIOps: 0,
  IOMaximumBandwidth: 0,
  MaskedPaths: null,
  ReadonlyPaths: null,
};

const leftOutWhenEmpty = ['StorageOpt', 'Tmpfs', 'Sysctls', 'Runtime', 'Mounts', 'Annotations'];

/**
 * A HostConfig as Docker's inspect tells it: every field is there, with Go's zero where nothing was said. `isBefore142` adds the limits of kernel memory, which left the API
 * with 1.42.
 */
export function fullHostConfig(config: HostConfig, isBefore142: boolean): HostConfig {
  const zeros = isBefore142 ? { ...zero, KernelMemory: 0, KernelMemoryTCP: 0 } : zero;
  const full = withZeros(zeros, config, leftOutWhenEmpty) as HostConfig; // Docker's null stands beyond our types
  if (full.Init === null) delete full.Init;
  if (full.PortBindings) full.PortBindings = fullPorts(full.PortBindings);
  full.Devices &&= full.Devices.map((one) => ({ PathOnHost: '', PathInContainer: '', CgroupPermissions: '', ...one }));
  full.DeviceRequests &&= full.DeviceRequests.map((one) => ({ ...noDeviceRequest, ...one }) as DeviceRequest); // Docker's nulls, as above
  return full;
}

const noDeviceRequest = { Driver: '', Count: 0, DeviceIDs: null, Capabilities: null, Options: null };

function fullPorts(ports: PortMap): PortMap {
  return Object.fromEntries(
    Object.entries(ports).map(([port, bindings]) => [
      port,
      bindings?.map(({ HostIp = '', HostPort = '' }) => ({ HostIp, HostPort })) ?? bindings,
    ]),
  );
}
