import type { Address } from '../lib/ip.ts';
import type { PortBinding } from '../types/docker/container.ts';
import type { EndpointIPAMConfig, IPAM, IPAMConfig } from '../types/docker/network.ts';

/** One subnet of a network. */
export type SubnetRecord = IPAMConfig & { Subnet: string };

/** A row of the store's `networks` table. */
export interface NetworkRecord {
  id: string;
  name: string;
  driver: string;
  created: string;
  internal: boolean;
  attachable: boolean;
  enableIPv6: boolean;
  options: Record<string, string>;
  labels: Record<string, string>;
  /** Completed: each config has its subnet and gateway. */
  ipam: Omit<IPAM, 'Config'> & { Config: SubnetRecord[] };
  /** Subnets that the user named; static addresses are allowed only in those. */
  staticSubnets: string[];
  /** One of bridge, host, none: made by the daemon, cannot be removed. */
  predefined: boolean;
}

/** One container's place on one network. */
export interface EndpointRecord {
  id: string;
  networkId: string;
  networkName: string;
  mac: string;
  /** With prefix length: `172.17.0.2/16`. Empty when there is none. */
  address4: string;
  address6: string;
  gateway4: string;
  gateway6: string;
  /** Inside: `eth0`. Empty for drivers without an interface. */
  ifname: string;
  /** The host's half of the pair. */
  hostIfname: string;
  requested: {
    ipamConfig?: EndpointIPAMConfig | null;
    links?: string[] | null;
    aliases: string[];
    driverOpts?: Record<string, string> | null;
    mac?: string;
  };
  /** A higher one wins the default route. */
  priority: number;
  /** Asked for by a plugin: 127.0.0.11 does not answer because of this endpoint. */
  disableResolver: boolean;
  /** For the driver, from plugins. */
  genericParams: Record<string, unknown>;
  /** What it answers to on this network. */
  dnsNames: string[];
}

/** One published port. */
export interface PortRecord {
  proto: 'tcp' | 'udp' | 'sctp';
  containerPort: number;
  hostIp: string;
  hostPort: number;
}

/** A row of the store's `endpoints` table, by container id: everything a container holds of this room. */
export interface SandboxRecord {
  containerId: string;
  name: string;
  hostname: string;
  sandboxId: string;
  /** Path of the namespace, or `host`. */
  netnsPath: string;
  endpoints: EndpointRecord[];
  ports: PortRecord[];
  /** Where 127.0.0.11 is led to inside, once it is. */
  resolver?: string;
  /** Servers the container named itself: embedded DNS asks these instead of the host's. */
  dnsServers: string[];
}

/** A port as a request names it, split from Docker's `80/tcp`. */
export interface PortWish {
  proto: PortRecord['proto'];
  containerPort: number;
  bindings: PortBinding[];
}

/** The addresses of an endpoint as numbers. */
export interface EndpointAddresses {
  v4?: Address;
  v6?: Address;
}
