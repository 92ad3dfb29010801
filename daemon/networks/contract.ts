import type { PortMap } from '../types/docker/container.ts';
import type { EndpointSettings, NetworkCreateRequest, NetworkResource } from '../types/docker/network.ts';

/** A network as the daemon holds it. */
export interface Network {
  readonly id: string;
  readonly name: string;
  readonly driver: string;
  readonly internal: boolean;
  readonly labels: Record<string, string>;
  readonly created: string;
}

/** What a container asks of the network room when it starts. */
export interface SandboxRequest {
  containerId: string;
  /** Without the leading slash; a DNS name on user-defined networks. */
  name: string;
  hostname: string;
  /** Network name or id -> what was asked for (Aliases, IPAMConfig, MacAddress, Links, DriverOpts). Never empty; `none` gives a namespace with only lo. */
  endpoints: Record<string, EndpointSettings>;
  /** Docker's PortBindings, completed by PublishAllPorts from ExposedPorts: `{ '80/tcp': [{ HostPort: '' }] }`. An empty HostPort asks for an ephemeral one, `8000-8010` for one of a range. */
  ports: PortMap;
  /** `[{ containerId, name, alias }]` of --link on the default bridge. */
  links?: { containerId: string; alias: string }[];
  sysctls?: Record<string, string>;
  /** Nameservers of `--dns`: where the embedded DNS of user-defined networks forwards to instead of the host's. */
  dns?: string[];
  /** By network as in `endpoints`, what `container.preCreateEndpoint` plugins asked for: a higher priority wins the default route (0 when nobody says), genericParams are for the driver. */
  endpointOptions?: Record<string, { priority: number; disableResolver: boolean; genericParams: Record<string, unknown> }>;
  /**
   * `deferred`: only the empty namespace is made now; `wire(containerId)` does the rest when the barrier entry `libnetwork-setkey` is reached. Addresses and ports are
   * allocated at once in both cases, so that inspect and the hosts file are right.
   */
  wiring?: 'now' | 'deferred';
}

export interface SandboxInfo {
  /** Path of the network namespace, for the OCI spec; the word `host` for the host's own. */
  netnsPath: string;
  sandboxId: string;
  controllerId: string;
  /** Network name -> what the container got (NetworkID, EndpointID, IPAddress, IPPrefixLen, Gateway, MacAddress, DNSNames …). */
  endpoints: Record<string, EndpointSettings>;
  /** As inspect's NetworkSettings.Ports tells them: `null` for exposed only is added by the containers room. */
  ports: PortMap;
  /** Nameservers, search and options for resolv.conf when the container gave none of its own: 127.0.0.11 on user-defined networks, the host's on the default bridge. */
  dns: { servers: string[]; search: string[]; options: string[] };
}

/** Change of a running (or stopped: only recorded by the containers room) container's networks. */
export interface NetworkService {
  create(request: NetworkCreateRequest, options?: { signal?: AbortSignal }): Promise<{ id: string; warning: string }>;
  /** By name, id or id prefix. Throws notFound `network REF not found`. */
  resolve(ref: string): Network;
  find(ref: string): Network | undefined;
  list(filters?: Record<string, string[]>): NetworkResource[];
  inspect(ref: string): NetworkResource;
  /** Refused while endpoints are active: forbidden `error while removing network: network NAME id ID has active endpoints`. */
  remove(ref: string): Promise<void>;
  prune(filters?: Record<string, string[]>): Promise<string[]>;

  /** Checks what create asks for, without side effects (unknown network, bad address, address outside subnet, static IP on the default bridge …). */
  validate(endpoints: Record<string, EndpointSettings>): void;

  /** Namespace, addresses, links, ports. On failure nothing is left. Port in use: internal `driver failed programming external connectivity on endpoint NAME (ID): Bind for 0.0.0.0:80 failed: port is already allocated`. */
  open(request: SandboxRequest): Promise<SandboxInfo>;
  /** Completes a `deferred` sandbox; a second call does nothing. */
  wire(containerId: string): Promise<void>;
  /** Gives everything back; not an error when there is nothing. */
  close(containerId: string): Promise<void>;
  /** Attaches a running container's sandbox to one more network. Publishes no ports. */
  connect(containerId: string, network: string, settings: EndpointSettings): Promise<EndpointSettings>;
  disconnect(containerId: string, network: string): Promise<void>;
  rename(containerId: string, name: string): void;
  /** What resolv.conf of an open sandbox should say now: it changes when a user-defined network is joined or left. Undefined when there is none. */
  dnsOf(containerId: string): SandboxInfo['dns'] | undefined;
  /** The namespace path of a container's sandbox, for `--network container:`. */
  netnsPath(containerId: string): string | undefined;

  /**
   * What the container's resolv.conf should say now: after `connect` of a running container to its first user-defined network this is 127.0.0.11, and the file is to be written
   * again. Undefined without an open sandbox.
   */
  dns(containerId: string): SandboxInfo['dns'] | undefined;

  /**
   * At daemon start, after the containers are loaded: sandboxes of `running` containers are taken over as they are (records are in the store's `endpoints` table, rules
   * and proxies are set up again), all other leftovers are removed. Also makes the default networks.
   */
  restore(running: ReadonlySet<string>): Promise<void>;
  /** DNS resolvers of the host, for containers on the host's network. */
  hostDns(): { servers: string[]; search: string[]; options: string[] };
}
