/*
 * Every option of the daemon as one table: flags, the JSON file, --help, defaults and checks derive from it. `key` is the path in DaemonConfig and in the file;
 * `docker` is the key of Docker's daemon.json that means the same and is accepted too.
 */
import { cidr, hostUrl, jsonCheck, keyValue, nonEmpty, range, runtimeTable, shape } from './checks.ts';

/** How a value is spelled: `list` and `map` flags are repeatable, `json` exists only in the file. */
export type OptionKind = 'string' | 'boolean' | 'integer' | 'bytes' | 'list' | 'map' | 'json';

/** One row of the table. */
export interface Option {
  readonly key: string;
  readonly kind: OptionKind;
  readonly default: unknown;
  /** Without the dashes; options without one stand in the file only. */
  readonly flag?: string;
  readonly short?: string;
  readonly docker?: string;
  /** Placeholder of the value in --help. */
  readonly value?: string;
  readonly help: string;
  /** Taken over on SIGHUP. */
  readonly reload?: boolean;
  /** Gives what is wrong with a value, or undefined; for lists it judges each entry. */
  check?(value: unknown): string | undefined;
  /** Brings another accepted spelling of the file to the daemon's own. */
  convert?(value: unknown): unknown;
}

/** Where the configuration file is looked for when --config does not say. */
export const defaultConfigFile = '/etc/pouchd/config.json';

/** All options, in the order of --help. */
export const options = [
  {
    key: 'hosts',
    kind: 'list',
    flag: 'host',
    short: 'H',
    docker: 'hosts',
    value: 'URL',
    default: ['unix:///var/run/pouchd.sock'],
    check: hostUrl,
    help: 'where the API listens: unix://PATH, tcp://HOST:PORT or fd://; repeatable',
  },
  {
    key: 'root',
    kind: 'string',
    flag: 'root',
    docker: 'data-root',
    value: 'DIR',
    default: '/var/lib/pouchd',
    check: nonEmpty,
    help: 'directory for what survives a reboot',
  },
  {
    key: 'state',
    kind: 'string',
    flag: 'state',
    docker: 'exec-root',
    value: 'DIR',
    default: '/run/pouchd',
    check: nonEmpty,
    help: 'directory for what does not survive a reboot',
  },
  {
    key: 'containerd',
    kind: 'string',
    flag: 'containerd',
    docker: 'containerd',
    value: 'SOCK',
    default: '',
    help: 'socket of a containerd that runs already; empty starts our own',
  },
  {
    key: 'containerdNamespace',
    kind: 'string',
    flag: 'containerd-namespace',
    docker: 'containerd-namespace',
    value: 'NAME',
    default: 'pouchd',
    check: nonEmpty,
    help: 'containerd namespace of our containers and images',
  },
  {
    key: 'group',
    kind: 'string',
    flag: 'group',
    short: 'G',
    docker: 'group',
    value: 'NAME',
    default: '',
    help: 'group of unix sockets; empty picks pouch, then docker, then root',
  },
  {
    key: 'debug',
    kind: 'boolean',
    flag: 'debug',
    short: 'D',
    docker: 'debug',
    default: false,
    reload: true,
    help: 'log every step',
  },
  {
    key: 'logFormat',
    kind: 'string',
    flag: 'log-format',
    value: 'pretty|json',
    default: 'pretty',
    check: oneOf('pretty', 'json'),
    help: 'how log lines are written',
  },
  {
    key: 'tls.verify',
    kind: 'boolean',
    flag: 'tlsverify',
    docker: 'tlsverify',
    default: false,
    help: 'tcp clients must show a certificate of --tlscacert',
  },
  {
    key: 'tls.caFile',
    kind: 'string',
    flag: 'tlscacert',
    docker: 'tlscacert',
    value: 'FILE',
    default: '',
    help: 'certificate authority of the clients (PEM)',
  },
  {
    key: 'tls.certFile',
    kind: 'string',
    flag: 'tlscert',
    docker: 'tlscert',
    value: 'FILE',
    default: '',
    help: 'certificate of the API on tcp (PEM)',
  },
  {
    key: 'tls.keyFile',
    kind: 'string',
    flag: 'tlskey',
    docker: 'tlskey',
    value: 'FILE',
    default: '',
    help: 'key of that certificate (PEM)',
  },
  {
    key: 'insecureRegistries',
    kind: 'list',
    flag: 'insecure-registry',
    docker: 'insecure-registries',
    value: 'HOST',
    default: [],
    reload: true,
    check: nonEmpty,
    help: 'registry that may speak plain HTTP or have an unknown certificate: host, host:port or CIDR; repeatable',
  },
  {
    key: 'registryMirrors',
    kind: 'list',
    flag: 'registry-mirror',
    docker: 'registry-mirrors',
    value: 'URL',
    default: [],
    reload: true,
    check: mirrorUrl,
    help: 'mirror that is asked before Docker Hub; repeatable',
  },
  {
    key: 'snapshotter',
    kind: 'string',
    flag: 'snapshotter',
    value: 'NAME',
    default: 'overlayfs',
    check: nonEmpty,
    help: 'containerd snapshotter of images and containers',
  },
  {
    key: 'defaultRuntime',
    kind: 'string',
    flag: 'runtime',
    docker: 'default-runtime',
    value: 'NAME',
    default: 'runc',
    check: nonEmpty,
    help: 'runtime of containers that name none',
  },
  {
    key: 'runtimes',
    kind: 'json',
    docker: 'runtimes',
    default: { runc: { path: 'runc' }, crun: { path: 'crun' } },
    check: shape(runtimeTable),
    convert: dockerRuntimes,
    help: 'name -> { path, args }',
  },
  {
    key: 'cgroupParent',
    kind: 'string',
    flag: 'cgroup-parent',
    docker: 'cgroup-parent',
    value: 'PATH',
    default: '',
    help: 'parent cgroup of all containers',
  },
  {
    key: 'defaultShmSizeBytes',
    kind: 'bytes',
    flag: 'default-shm-size',
    docker: 'default-shm-size',
    value: 'SIZE',
    default: 64 << 20,
    check: range(1),
    help: 'size of /dev/shm in containers that name none',
  },
  {
    key: 'initPath',
    kind: 'string',
    flag: 'init-path',
    docker: 'init-path',
    value: 'FILE',
    default: '',
    help: 'init program of docker run --init; empty looks for tini and docker-init',
  },
  {
    key: 'logDriver',
    kind: 'string',
    flag: 'log-driver',
    docker: 'log-driver',
    value: 'NAME',
    default: 'json-file',
    check: nonEmpty,
    help: 'log driver of containers that name none',
  },
  {
    key: 'logOpts',
    kind: 'map',
    flag: 'log-opt',
    docker: 'log-opts',
    value: 'KEY=VALUE',
    default: {},
    help: 'option of that driver; repeatable',
  },
  {
    key: 'bridge.name',
    kind: 'string',
    flag: 'bridge',
    short: 'b',
    docker: 'bridge',
    value: 'NAME',
    default: 'pouch0',
    check: bridgeName,
    help: 'interface of the default network; none turns it off',
  },
  {
    key: 'bridge.bip',
    kind: 'string',
    flag: 'bip',
    docker: 'bip',
    value: 'CIDR',
    default: '',
    check: cidr,
    help: 'address of that interface with its subnet; empty takes a free one',
  },
  {
    key: 'bridge.bipv6',
    kind: 'string',
    flag: 'bip6',
    value: 'CIDR',
    default: '',
    check: cidr,
    help: 'IPv6 address of that interface with its subnet',
  },
  {
    key: 'bridge.mtu',
    kind: 'integer',
    flag: 'mtu',
    docker: 'mtu',
    value: 'N',
    default: 1500,
    check: range(68, 65535),
    help: 'MTU of the default network',
  },
  {
    key: 'bridge.icc',
    kind: 'boolean',
    flag: 'icc',
    docker: 'icc',
    default: true,
    help: 'containers of the default network reach each other',
  },
  {
    key: 'bridge.ipMasq',
    kind: 'boolean',
    flag: 'ip-masq',
    docker: 'ip-masq',
    default: true,
    help: 'masquerade what leaves the default network',
  },
  {
    key: 'bridge.fixedCidr',
    kind: 'string',
    flag: 'fixed-cidr',
    docker: 'fixed-cidr',
    value: 'CIDR',
    default: '',
    check: cidr,
    help: 'part of the subnet from which containers get addresses',
  },
  {
    key: 'bridge.defaultGateway',
    kind: 'string',
    flag: 'default-gateway',
    docker: 'default-gateway',
    value: 'IP',
    default: '',
    help: 'gateway of containers on the default network',
  },
  {
    key: 'defaultAddressPools',
    kind: 'json',
    docker: 'default-address-pools',
    default: [],
    check: shape(jsonCheck.addressPools),
    help: '[{ base, size }]: subnets for user-defined networks',
  },
  {
    key: 'dns',
    kind: 'list',
    flag: 'dns',
    docker: 'dns',
    value: 'IP',
    default: [],
    check: nonEmpty,
    help: 'nameserver of containers that name none; repeatable',
  },
  {
    key: 'dnsSearch',
    kind: 'list',
    flag: 'dns-search',
    docker: 'dns-search',
    value: 'DOMAIN',
    default: [],
    help: 'search domain; repeatable',
  },
  {
    key: 'dnsOptions',
    kind: 'list',
    flag: 'dns-opt',
    docker: 'dns-opts',
    value: 'OPTION',
    default: [],
    help: 'resolver option; repeatable',
  },
  {
    key: 'userlandProxy',
    kind: 'boolean',
    flag: 'userland-proxy',
    docker: 'userland-proxy',
    default: true,
    help: 'serve published ports on loopback by a proxy',
  },
  {
    key: 'labels',
    kind: 'list',
    flag: 'label',
    docker: 'labels',
    value: 'KEY=VALUE',
    default: [],
    reload: true,
    check: keyValue,
    help: 'label of this daemon, shown by info; repeatable',
  },
  {
    key: 'maxConcurrentDownloads',
    kind: 'integer',
    flag: 'max-concurrent-downloads',
    docker: 'max-concurrent-downloads',
    value: 'N',
    default: 3,
    reload: true,
    check: range(1),
    help: 'layers that a pull fetches at a time',
  },
  {
    key: 'maxConcurrentUploads',
    kind: 'integer',
    flag: 'max-concurrent-uploads',
    docker: 'max-concurrent-uploads',
    value: 'N',
    default: 5,
    reload: true,
    check: range(1),
    help: 'layers that a push sends at a time',
  },
  {
    key: 'shutdownTimeoutSeconds',
    kind: 'integer',
    flag: 'shutdown-timeout',
    docker: 'shutdown-timeout',
    value: 'SECONDS',
    default: 15,
    check: range(1),
    help: 'time a clean stop may take',
  },
  {
    key: 'authorizationPlugins',
    kind: 'list',
    flag: 'authorization-plugin',
    docker: 'authorization-plugins',
    value: 'NAME',
    default: [],
    reload: true,
    check: nonEmpty,
    help: 'out-of-process plugin that may refuse requests; repeatable',
  },
  {
    key: 'plugin',
    kind: 'list',
    flag: 'plugin',
    value: 'FILE',
    default: [],
    check: nonEmpty,
    help: 'separately built plugin file that is loaded at start; repeatable',
  },
  {
    key: 'requiredPlugins',
    kind: 'list',
    flag: 'required-plugin',
    value: 'URI',
    default: [],
    check: nonEmpty,
    help: 'plugin (type.id) without which the daemon does not start; repeatable',
  },
  {
    key: 'disabledPlugins',
    kind: 'list',
    flag: 'disabled-plugin',
    value: 'URI',
    default: [],
    check: nonEmpty,
    help: 'plugin (type.id) that is left out; repeatable',
  },
  {
    key: 'configVersion',
    kind: 'integer',
    default: 1,
    check: range(1, 1_000),
    help: 'version that the sections under `plugins` were written for; older ones are migrated by their registrations',
  },
  {
    key: 'plugins',
    kind: 'json',
    default: {},
    reload: true,
    check: shape(jsonCheck.object),
    help: 'section of each plugin by id, package or URI',
  },
  {
    key: 'hooks.conflicts',
    kind: 'string',
    flag: 'hook-conflicts',
    value: 'ignore|error',
    default: 'ignore',
    reload: true,
    check: oneOf('ignore', 'error'),
    help: 'what happens when two plugins change the same field of a request',
  },
  {
    key: 'grpc.hosts',
    kind: 'list',
    flag: 'grpc',
    value: 'URL',
    default: [],
    check: hostUrl,
    help: "where containerd's services are offered: unix://PATH or tcp://HOST:PORT; repeatable",
  },
  {
    key: 'grpc.namespaces',
    kind: 'list',
    flag: 'grpc-namespace',
    value: 'NAME',
    default: [],
    check: nonEmpty,
    help: 'containerd namespace that gRPC clients may use; none named allows all; repeatable',
  },
  {
    key: 'grpc.tls.caFile',
    kind: 'string',
    flag: 'grpc-tlscacert',
    value: 'FILE',
    default: '',
    help: 'certificate authority of gRPC clients (PEM)',
  },
  {
    key: 'grpc.tls.certFile',
    kind: 'string',
    flag: 'grpc-tlscert',
    value: 'FILE',
    default: '',
    help: 'certificate of gRPC on tcp (PEM)',
  },
  {
    key: 'grpc.tls.keyFile',
    kind: 'string',
    flag: 'grpc-tlskey',
    value: 'FILE',
    default: '',
    help: 'key of that certificate (PEM)',
  },
  {
    key: 'proxyPlugins',
    kind: 'json',
    default: {},
    check: shape(jsonCheck.proxyPlugins),
    help: 'name -> { type, address, platform }: plugins behind a socket',
  },
  {
    key: 'streamProcessors',
    kind: 'json',
    default: {},
    check: shape(jsonCheck.streamProcessors),
    help: 'id -> { accepts, returns, path, args, env }: programs that unpack layers of other media types',
  },
  {
    key: 'criSocket',
    kind: 'string',
    flag: 'cri',
    value: 'PATH',
    default: '',
    help: 'unix socket of the Kubernetes runtime interface; empty is off',
  },
] as const satisfies readonly Option[];

/** One word of a fixed set. */
function oneOf(...words: string[]): (value: unknown) => string | undefined {
  return (value) => (words.includes(String(value)) ? undefined : `must be ${words.join(' or ')}`);
}

function bridgeName(value: unknown): string | undefined {
  return /^[^\s/]{1,15}$/.test(String(value)) ? undefined : 'must be an interface name of at most 15 characters';
}

function mirrorUrl(value: unknown): string | undefined {
  return /^https?:\/\/[^/\s]+\/?$/.test(String(value)) ? undefined : 'must be http://HOST or https://HOST without a path';
}

/** Docker writes `runtimeArgs` where we write `args`. */
function dockerRuntimes(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value;
  const rows = Object.entries(value as Record<string, unknown>).map(([name, row]) => {
    if (row === null || typeof row !== 'object' || !('runtimeArgs' in row)) return [name, row];
    const { runtimeArgs, ...rest } = row;
    return [name, { ...rest, args: runtimeArgs }];
  });
  return Object.fromEntries(rows);
}
