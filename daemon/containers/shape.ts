/*
 * The JSON types of a create and an update body, as a table. Go's decoder refuses a string where a number belongs; so does this, with its text. Fields that are not
 * in the table pass untouched, null passes everywhere (Go leaves the zero value). Run on what the client sent and again on what preCreate plugins made of it.
 */
import { invalidArgument } from '../errors/error.ts';

type Shape =
  | 'string'
  | 'int'
  | 'bool'
  | 'any'
  | readonly [Shape]
  | { readonly map: Shape }
  | { readonly fields: Readonly<Record<string, Shape>> };

const strings: Shape = ['string'];
const stringMap: Shape = { map: 'string' };
const rates: Shape = [{ fields: { Path: 'string', Rate: 'int' } }];

const resources = {
  CpuShares: 'int',
  Memory: 'int',
  NanoCpus: 'int',
  CgroupParent: 'string',
  BlkioWeight: 'int',
  BlkioWeightDevice: [{ fields: { Path: 'string', Weight: 'int' } }],
  BlkioDeviceReadBps: rates,
  BlkioDeviceWriteBps: rates,
  BlkioDeviceReadIOps: rates,
  BlkioDeviceWriteIOps: rates,
  CpuPeriod: 'int',
  CpuQuota: 'int',
  CpuRealtimePeriod: 'int',
  CpuRealtimeRuntime: 'int',
  CpusetCpus: 'string',
  CpusetMems: 'string',
  Devices: [{ fields: { PathOnHost: 'string', PathInContainer: 'string', CgroupPermissions: 'string' } }],
  DeviceCgroupRules: strings,
  KernelMemory: 'int',
  KernelMemoryTCP: 'int',
  MemoryReservation: 'int',
  MemorySwap: 'int',
  MemorySwappiness: 'int',
  OomKillDisable: 'bool',
  PidsLimit: 'int',
  Ulimits: [{ fields: { Name: 'string', Soft: 'int', Hard: 'int' } }],
  RestartPolicy: { fields: { Name: 'string', MaximumRetryCount: 'int' } },
} as const satisfies Record<string, Shape>;

const mount: Shape = {
  fields: {
    Type: 'string',
    Source: 'string',
    Target: 'string',
    ReadOnly: 'bool',
    BindOptions: { fields: { Propagation: 'string', NonRecursive: 'bool', CreateMountpoint: 'bool' } },
    VolumeOptions: {
      fields: { NoCopy: 'bool', Labels: stringMap, DriverConfig: { fields: { Name: 'string', Options: stringMap } } },
    },
    TmpfsOptions: { fields: { SizeBytes: 'int', Mode: 'int' } },
  },
};

const hostConfig: Shape = {
  fields: {
    ...resources,
    Binds: strings,
    ContainerIDFile: 'string',
    LogConfig: { fields: { Type: 'string', Config: stringMap } },
    NetworkMode: 'string',
    PortBindings: { map: [{ fields: { HostIp: 'string', HostPort: 'string' } }] },
    AutoRemove: 'bool',
    VolumeDriver: 'string',
    VolumesFrom: strings,
    CapAdd: strings,
    CapDrop: strings,
    CgroupnsMode: 'string',
    Dns: strings,
    DnsOptions: strings,
    DnsSearch: strings,
    ExtraHosts: strings,
    GroupAdd: strings,
    IpcMode: 'string',
    Links: strings,
    OomScoreAdj: 'int',
    PidMode: 'string',
    Privileged: 'bool',
    PublishAllPorts: 'bool',
    ReadonlyRootfs: 'bool',
    SecurityOpt: strings,
    StorageOpt: stringMap,
    Tmpfs: stringMap,
    UTSMode: 'string',
    UsernsMode: 'string',
    ShmSize: 'int',
    Sysctls: stringMap,
    Runtime: 'string',
    ConsoleSize: ['int'],
    Isolation: 'string',
    Mounts: [mount],
    MaskedPaths: strings,
    ReadonlyPaths: strings,
    Init: 'bool',
    Annotations: stringMap,
  },
};

const endpoint: Shape = {
  fields: {
    IPAMConfig: { fields: { IPv4Address: 'string', IPv6Address: 'string', LinkLocalIPs: strings } },
    Links: strings,
    Aliases: strings,
    NetworkID: 'string',
    MacAddress: 'string',
    DriverOpts: stringMap,
  },
};

const config = {
  Hostname: 'string',
  Domainname: 'string',
  User: 'string',
  AttachStdin: 'bool',
  AttachStdout: 'bool',
  AttachStderr: 'bool',
  ExposedPorts: { map: 'any' },
  Tty: 'bool',
  OpenStdin: 'bool',
  StdinOnce: 'bool',
  Env: strings,
  Cmd: strings,
  Healthcheck: {
    fields: { Test: strings, Interval: 'int', Timeout: 'int', StartPeriod: 'int', StartInterval: 'int', Retries: 'int' },
  },
  Image: 'string',
  Volumes: { map: 'any' },
  WorkingDir: 'string',
  Entrypoint: strings,
  NetworkDisabled: 'bool',
  MacAddress: 'string',
  Labels: stringMap,
  StopSignal: 'string',
  StopTimeout: 'int',
  Shell: strings,
} as const satisfies Record<string, Shape>;

const shapes = {
  create: {
    fields: {
      ...config,
      HostConfig: hostConfig,
      NetworkingConfig: { fields: { EndpointsConfig: { map: endpoint } } },
      Snapshotter: 'string',
    },
  },
  exec: {
    fields: {
      User: 'string',
      Privileged: 'bool',
      Tty: 'bool',
      ConsoleSize: ['int'],
      AttachStdin: 'bool',
      AttachStderr: 'bool',
      AttachStdout: 'bool',
      Detach: 'bool',
      DetachKeys: 'string',
      Env: strings,
      WorkingDir: 'string',
      Cmd: strings,
    },
  },
  update: { fields: { ...resources, Env: strings, Labels: stringMap } },
  endpoint,
} as const satisfies Record<string, Shape>;

/** Throws invalidArgument when a field of `body` has a JSON type that Docker's decoder would refuse. */
export function checkShape(kind: keyof typeof shapes, body: unknown): void {
  check(shapes[kind], body, kind === 'exec' ? 'ExecConfig' : '');
}

function check(shape: Shape, value: unknown, path: string): void {
  if (value === null || value === undefined || shape === 'any') return;
  if (shape === 'string') {
    expectType(typeof value === 'string', value, path, 'string');
    return;
  }
  if (shape === 'bool') {
    expectType(typeof value === 'boolean', value, path, 'bool');
    return;
  }
  if (shape === 'int') {
    expectType(typeof value === 'number' && Number.isInteger(value) && Math.abs(value) < 2 ** 63, value, path, 'int64');
    return;
  }
  if (isList(shape)) {
    // Docker takes a lone string for Cmd and Entrypoint.
    if (typeof value === 'string' && (path === 'Cmd' || path === 'Entrypoint')) return;
    expectType(Array.isArray(value), value, path, shape[0] === 'string' ? '[]string' : '[]');
    for (const one of value as unknown[]) check(shape[0], one, path);
    return;
  }
  expectType(typeof value === 'object' && !Array.isArray(value), value, path, 'fields' in shape ? 'object' : 'map');
  if ('fields' in shape) spellKeys(shape.fields, value as Record<string, unknown>);
  const entries = Object.entries(value as object);
  for (const [key, one] of entries) {
    const inner = 'map' in shape ? shape.map : shape.fields[key];
    if (inner) check(inner, one, path ? `${path}.${key}` : key);
  }
}

/** Go's decoder does not mind the case of a key (`image` is `Image`): known ones get Docker's spelling, in place. */
function spellKeys(fields: Readonly<Record<string, Shape>>, value: Record<string, unknown>): void {
  for (const key of Object.keys(value)) {
    if (Object.hasOwn(fields, key)) continue;
    const known = Object.keys(fields).find((one) => one.toLowerCase() === key.toLowerCase());
    if (known === undefined) continue;
    value[known] = value[key];
    delete value[key];
  }
}

function isList(shape: Shape): shape is readonly [Shape] {
  return Array.isArray(shape);
}

function expectType(holds: boolean, value: unknown, path: string, type: string): void {
  if (holds) return;
  const given = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
  throw invalidArgument(`invalid JSON: json: cannot unmarshal ${given} into Go struct field ${path || 'body'} of type ${type}`);
}
