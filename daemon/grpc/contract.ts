import type { Server } from '@grpc/grpc-js';

/** What a registration of type `io.pouchd.grpc.v1` gives: it adds its service to the server once every plugin is initialised. */
export interface GrpcService {
  register(server: Server): void | Promise<void>;
}

/** Where gRPC listens and what its clients may do. */
export interface GrpcOptions {
  /** `unix://PATH` and `tcp://HOST:PORT`; none is off, and grpc-js is then not loaded. */
  hosts: readonly string[];
  /** PEM files for tcp; clients must show a certificate of `caFile`. Without `certFile` only loopback is allowed. */
  tls: { caFile: string; certFile: string; keyFile: string };
}

/** Which containerd namespaces gRPC clients see. */
export interface NamespacePolicy {
  /** Undefined allows all. */
  readonly allowed: ReadonlySet<string> | undefined;
  /** For calls that name none. */
  readonly default: string;
}
