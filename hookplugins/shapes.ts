/* Shapes that hook methods get and give, beside the Docker wire shapes. Same spelling as the wire where Docker has the thing; camelCase where it is ours. */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { ContainerJSON, ExecConfig } from '../daemon/types/docker/container.ts';
import type { EndpointSettings } from '../daemon/types/docker/network.ts';

export type {
  ContainerConfig,
  ContainerCreateConfig,
  ContainerJSON,
  ExecConfig,
  HostConfig,
  UpdateConfig,
} from '../daemon/types/docker/container.ts';
export type { EndpointSettings, NetworkCreateRequest, NetworkResource } from '../daemon/types/docker/network.ts';
export type { Volume, VolumeCreateConfig } from '../daemon/types/docker/volume.ts';

/** A container as hooks see it: the parts of inspect that are always there. `Name` has no leading slash here. Not to be changed. */
export type ContainerView = Pick<ContainerJSON, 'Id' | 'Name' | 'Created' | 'Image' | 'Config' | 'HostConfig'> &
  Partial<ContainerJSON>;

/**
 * One program that the OCI runtime runs in the host's namespaces before the container's own process. Entries of all plugins are sorted by descending
 * `priority`, stable; above 0 runs before the network is wired, below 0 after.
 */
export interface PreStartEntry {
  priority: number;
  /** Absolute path of the program. */
  path: string;
  /** `args[0]` is argv0. */
  args: string[];
  /** `KEY=value`. */
  env?: string[];
  /** Seconds. */
  timeout?: number;
}

/** A container's endpoint before it is made; changed in place by `preCreateEndpoint`. */
export interface HookEndpoint {
  /** Name of the network. */
  network: string;
  networkId?: string;
  /** What was asked for: addresses, aliases, MAC, driver options. */
  settings: EndpointSettings;
  /** Higher wins the default route; 0 when nobody says. */
  priority: number;
  /** True leaves the container's resolv.conf alone: no embedded DNS for this endpoint. */
  disableResolver: boolean;
  /** Handed to the network driver as its generic options. */
  genericParams: Record<string, unknown>;
}

/** The pod sandbox that a CRI container is created in. */
export interface SandboxMeta {
  id: string;
  name: string;
  namespace: string;
  uid: string;
  attempt: number;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  runtimeHandler: string;
}

/** Why a container stopped. */
export interface StopInfo {
  exitCode: number;
  /** `exited` by itself, `stopped` or `killed` through the API, `oom`, or `lost`: it ended while no daemon watched. */
  reason: 'exited' | 'stopped' | 'killed' | 'oom' | 'lost';
}

/** What an attach asks for. */
export interface AttachOptions {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  stream: boolean;
  logs: boolean;
}

/** One exec of a container. */
export interface ExecView {
  id: string;
  containerId: string;
  config: ExecConfig;
}

/** An image after it was pulled, or before it goes. */
export interface ImageView {
  /** Full reference, `docker.io/library/busybox:latest`. */
  name: string;
  /** Digest of the manifest or index. */
  digest: string;
  /** Docker's image id: the digest of the config. */
  id?: string;
}

/** The network of a connect or disconnect. */
export interface NetworkView {
  Id: string;
  Name: string;
  Driver: string;
}

/** One line of the daemon's health answer. */
export interface HealthReport {
  /** What was looked at; the plugin's id when empty. */
  name?: string;
  healthy: boolean;
  message?: string;
}

/** A request to the API as `preRequest` and `postResponse` see it. */
export interface ApiCall {
  /** Request id, as in the log. */
  id: string;
  method: string;
  /** Without the version prefix and the query. */
  path: string;
  query: string;
  /** API version asked for, `1.41`. */
  version: string;
  headers: Readonly<IncomingHttpHeaders>;
  client: {
    /** `unix` or the remote address. */
    address: string;
    /** Common name of the client's certificate, when there is one. */
    user?: string;
    /** `TLS` when the client was authenticated by certificate. */
    authMethod?: string;
  };
}

/** How a request was answered. */
export interface ApiResult {
  status: number;
  durationMs: number;
}

/** The request of an API handler: what of fastify's request a plugin may rely on. */
export interface HandlerRequest {
  readonly id: string;
  readonly method: string;
  readonly url: string;
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
  readonly headers: IncomingHttpHeaders;
  readonly raw: IncomingMessage;
}

/** The reply of an API handler: what of fastify's reply a plugin may rely on. */
export interface HandlerReply {
  code(status: number): HandlerReply;
  header(name: string, value: string): HandlerReply;
  send(payload?: unknown): unknown;
  /** Takes the connection over: the daemon sends nothing more, `raw` is the plugin's. */
  hijack(): unknown;
  readonly raw: ServerResponse;
  readonly sent: boolean;
}

/**
 * One route of the API. `path` has no version prefix and uses `:name` and `*` (`/containers/:id/json`). The handler answers through `reply`, or returns the body.
 * To wrap a route, return a spec whose handler calls the one it replaces.
 */
export interface HandlerSpec {
  method: string;
  path: string;
  handler(request: HandlerRequest, reply: HandlerReply): unknown;
}
