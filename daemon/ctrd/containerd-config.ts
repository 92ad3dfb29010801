import { readFileSync } from 'node:fs';
import { invalidArgument } from '../errors/error.ts';

/** A containerd plugin behind a socket: `snapshot` or `content` (newer containerds know more types). */
export interface ProxyPlugin {
  type: string;
  address: string;
  platform?: string;
}

/** A program that containerd pipes a layer through when its media type is among `accepts`, to give `returns`. */
export interface StreamProcessor {
  accepts: string[];
  returns: string;
  path: string;
  args?: string[];
  env?: string[];
}

/** What our own containerd is configured from. */
export interface ContainerdConfig {
  root: string;
  state: string;
  socket: string;
  debug: boolean;
  oomScore: number;
  proxyPlugins: Record<string, ProxyPlugin>;
  streamProcessors: Record<string, StreamProcessor>;
}

/** Left out: other doors (CRI, NRI), snapshotters that need devices of their own, and what wakes up without being used by us. */
const disabled = [
  'io.containerd.grpc.v1.cri',
  'io.containerd.nri.v1.nri',
  'io.containerd.snapshotter.v1.aufs',
  'io.containerd.snapshotter.v1.blockfile',
  'io.containerd.snapshotter.v1.btrfs',
  'io.containerd.snapshotter.v1.devmapper',
  'io.containerd.snapshotter.v1.zfs',
  'io.containerd.internal.v1.opt',
  'io.containerd.internal.v1.restart', // polls every 10 s; restarts are the daemon's work
  'io.containerd.internal.v1.tracing',
  'io.containerd.monitor.v1.cgroups', // Prometheus metrics of tasks, which nobody scrapes here
  'io.containerd.tracing.processor.v1.otlp',
];

/** The TOML (config version 2, which containerd 1.6 and 2.x both read). */
export function renderContainerdConfig(config: ContainerdConfig): string {
  const lines = [
    'version = 2',
    `root = ${quote(config.root)}`,
    `state = ${quote(config.state)}`,
    `oom_score = ${config.oomScore}`,
    `disabled_plugins = ${list(disabled)}`,
    '[grpc]',
    `address = ${quote(config.socket)}`,
    '[debug]',
    `level = ${quote(config.debug ? 'info' : 'warn')}`,
  ];
  for (const [name, proxy] of Object.entries(config.proxyPlugins)) {
    lines.push(`[proxy_plugins.${quote(name)}]`, `type = ${quote(proxy.type)}`, `address = ${quote(proxy.address)}`);
    if (proxy.platform) lines.push(`platform = ${quote(proxy.platform)}`);
  }
  for (const [id, processor] of Object.entries(config.streamProcessors)) {
    lines.push(
      `[stream_processors.${quote(id)}]`,
      `accepts = ${list(processor.accepts)}`,
      `returns = ${quote(processor.returns)}`,
      `path = ${quote(processor.path)}`,
      `args = ${list(processor.args ?? [])}`,
      `env = ${list(processor.env ?? [])}`,
    );
  }
  return `${lines.join('\n')}\n`;
}

const proxyTypes = ['snapshot', 'content', 'sandbox', 'diff'];
const builtIn: Record<string, readonly string[]> = { snapshot: ['native', 'overlayfs'], content: ['content'], diff: ['walking'] };

/** Throws invalidArgument for proxies that containerd would panic at: an unknown type, or the name of a plugin of its own. */
export function checkProxyPlugins(proxies: Record<string, ProxyPlugin>): void {
  for (const [name, { type, address }] of Object.entries(proxies)) {
    if (!proxyTypes.includes(type)) {
      throw invalidArgument(`proxy plugin ${name} has type ${JSON.stringify(type)}; containerd knows ${proxyTypes.join(', ')}`);
    }
    if (!address) throw invalidArgument(`proxy plugin ${name} has no address`);
    if (builtIn[type]?.includes(name))
      throw invalidArgument(`proxy plugin ${name} has the name of containerd's own ${type} plugin`);
  }
}

const wantedOomScore = -500; // dockerd's choice for its containerd
const capSysResource = 1n << 24n;

/** containerd's oom_score, or 0 (leave it) where this process may not lower it: containerd would refuse to start. `status` is /proc/self/status. */
export function lowestOomScore(status = readFileSync('/proc/self/status', 'utf8')): number {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0';
  return (BigInt(`0x${effective}`) & capSysResource) === 0n ? 0 : wantedOomScore;
}

/** A TOML basic string: JSON's escapes are a subset of TOML's. */
function quote(text: string): string {
  return JSON.stringify(text);
}

function list(texts: readonly string[]): string {
  return `[${texts.map(quote).join(', ')}]`;
}
