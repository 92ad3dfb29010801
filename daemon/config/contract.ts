import type { LogFormat } from '../lib/log.ts';

/** The daemon's whole configuration after flags and file are merged; every key exists in the JSON file under the same name. */
export interface DaemonConfig {
  hosts: string[];
  root: string;
  state: string;
  /** Socket of a containerd that already runs; empty starts our own. */
  containerd: string;
  containerdNamespace: string;
  insecureRegistries: string[];
  registryMirrors: string[];
  logFormat: LogFormat;
  debug: boolean;
  /** Group of unix sockets; empty picks `pouch`, then `docker`, then root's. */
  group: string;
  tls: { verify: boolean; caFile: string; certFile: string; keyFile: string };
  bridge: {
    name: string;
    bip: string;
    bipv6: string;
    mtu: number;
    icc: boolean;
    ipMasq: boolean;
    fixedCidr: string;
    defaultGateway: string;
  };
  defaultAddressPools: { base: string; size: number }[];
  dns: string[];
  dnsSearch: string[];
  dnsOptions: string[];
  logDriver: string;
  logOpts: Record<string, string>;
  defaultRuntime: string;
  /** Name -> binary path (runc, crun …) and its options. */
  runtimes: Record<string, { path: string; args?: string[] }>;
  snapshotter: string;
  cgroupParent: string;
  labels: string[];
  /** Seconds. */
  shutdownTimeoutSeconds: number;
  defaultShmSizeBytes: number;
  initPath: string;
  maxConcurrentDownloads: number;
  maxConcurrentUploads: number;
  /** `--plugin=FILE`, repeatable. */
  plugin: string[];
  requiredPlugins: string[];
  disabledPlugins: string[];
  /** Version that the sections of `plugins` were written for. */
  configVersion: number;
  /** Section of each plugin by id or URI, checked against the plugin's own schema. */
  plugins: Record<string, unknown>;
  hooks: { conflicts: 'ignore' | 'error' };
  grpc: { hosts: string[]; namespaces: string[]; tls: { caFile: string; certFile: string; keyFile: string } };
  proxyPlugins: Record<string, { type: string; address: string; platform?: string }>;
  /** Programs our own containerd pipes layers of other media types through, by id. */
  streamProcessors: Record<string, { accepts: string[]; returns: string; path: string; args?: string[]; env?: string[] }>;
}
