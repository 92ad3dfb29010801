import type { ContainersDefinition } from '../types/gen/containerd/containers.ts';
import type { ContentDefinition } from '../types/gen/containerd/content.ts';
import type { DiffDefinition } from '../types/gen/containerd/diff.ts';
import type { EventsDefinition } from '../types/gen/containerd/events.ts';
import type { ImagesDefinition } from '../types/gen/containerd/images.ts';
import type { IntrospectionDefinition } from '../types/gen/containerd/introspection.ts';
import type { LeasesDefinition } from '../types/gen/containerd/leases.ts';
import type { NamespacesDefinition } from '../types/gen/containerd/namespaces.ts';
import type { SnapshotsDefinition } from '../types/gen/containerd/snapshots.ts';
import type { TasksDefinition } from '../types/gen/containerd/tasks.ts';
import type { VersionDefinition } from '../types/gen/containerd/version.ts';
import type { TaskEvent } from './task-event.ts';

/** How one call is made. Without a `timeoutMs` a call waits as long as containerd takes. */
export interface CallOptions {
  /** Aborting cancels the call in containerd too; it rejects with kind `cancelled`, or `deadlineExceeded` for a timeout signal. */
  signal?: AbortSignal;
  /** Id of a lease that keeps what this call makes from the garbage collector. */
  lease?: string;
  timeoutMs?: number;
  /** Another containerd namespace than the client's own. */
  namespace?: string;
}

/** A request as callers write it: what is left out has protobuf's default. */
export type Request<T> = T extends Uint8Array | string | number | boolean | bigint | undefined
  ? T
  : T extends (infer U)[]
    ? Request<U>[]
    : { [K in keyof T]?: Request<T[K]> };

interface Codec {
  decode(input: Uint8Array): unknown;
}
type MessageOf<C extends Codec> = ReturnType<C['decode']>;

/** One row of a generated service table. */
export interface MethodDefinition {
  readonly name: string;
  readonly requestType: Codec;
  readonly requestStream: boolean;
  readonly responseType: Codec;
  readonly responseStream: boolean;
}

/** A generated service table (`TasksDefinition` …). */
export interface ServiceDefinition {
  readonly fullName: string;
  readonly methods: Readonly<Record<string, MethodDefinition>>;
}

/** A generated service table as callable methods: unary ones are promises, server streams async iterables; client streams are left out. */
export type ServiceClient<D extends ServiceDefinition> = {
  readonly [K in keyof D['methods'] as D['methods'][K]['requestStream'] extends true ? never : K]: (
    request: Request<MessageOf<D['methods'][K]['requestType']>>,
    options?: CallOptions,
  ) => D['methods'][K]['responseStream'] extends true
    ? AsyncIterable<MessageOf<D['methods'][K]['responseType']>>
    : Promise<MessageOf<D['methods'][K]['responseType']>>;
};

/** What `writeBlob` is told about the content; without a digest containerd computes it, without a size any length is taken. */
export interface WriteBlobOptions extends CallOptions {
  expectedDigest?: string;
  expectedSize?: number;
  /** Set on the blob, also when it is there already. */
  labels?: Record<string, string>;
  /** Bytes that containerd has taken so far, the resumed ones included. */
  onProgress?: (offset: number) => void;
}

/**
 * The bytes of a blob. A function is called with the offset where an interrupted write of the same ref left off, or 0;
 * a plain iterable starts the blob anew. It is not read at all when the blob exists.
 */
export type BlobSource = AsyncIterable<Uint8Array> | ((offset: number) => AsyncIterable<Uint8Array>);

/** What became of a `writeBlob`. */
export interface WrittenBlob {
  digest: string;
  size: number;
  /** The blob was in the store before. */
  existed: boolean;
}

/** Calls of one method with one outcome, for `/metrics`. */
export interface CallFigure {
  /** `containerd.services.tasks.v1.Tasks/Start`. */
  readonly method: string;
  /** gRPC's status number, or `lost` when the connection ended. */
  readonly code: string;
  readonly count: number;
  readonly seconds: number;
}

/**
 * containerd as the rooms use it: its services with decoded messages, and what is more than one call.
 * Errors are PouchErrors with containerd's text. While our own containerd is being restarted, calls wait for it.
 */
export interface ContainerdClient {
  readonly namespace: string;
  readonly containers: ServiceClient<ContainersDefinition>;
  readonly content: ServiceClient<ContentDefinition>;
  readonly diff: ServiceClient<DiffDefinition>;
  readonly events: ServiceClient<EventsDefinition>;
  readonly images: ServiceClient<ImagesDefinition>;
  readonly introspection: ServiceClient<IntrospectionDefinition>;
  readonly leases: ServiceClient<LeasesDefinition>;
  readonly namespaces: ServiceClient<NamespacesDefinition>;
  readonly snapshots: ServiceClient<SnapshotsDefinition>;
  readonly tasks: ServiceClient<TasksDefinition>;
  readonly version: ServiceClient<VersionDefinition>;
  /** Writes one blob under `ref`; waits while another writer holds the ref. */
  writeBlob(ref: string, options: WriteBlobOptions, source: BlobSource): Promise<WrittenBlob>;
  /** The bytes of a blob in chunks as containerd sends them (at most 1 MiB). */
  readBlob(digest: string, range?: { offset?: number; size?: number } & CallOptions): AsyncIterable<Buffer>;
  /** A whole blob, parsed; refuses more than 8 MiB. The caller says the type, nothing checks it. */
  readJson<T>(digest: string, options?: CallOptions): Promise<T>;
  /** Runs `work` with a lease of its own, deleted afterwards; a crash leaves one that expires (`expireMs`, one hour unless said). */
  withLease<T>(work: (lease: string) => Promise<T>, options?: { expireMs?: number; signal?: AbortSignal }): Promise<T>;
  /** Loads node:http2 ahead of the first call (some 10 ms of CPU): best once the daemon's own socket is up. */
  warm(): Promise<void>;
  /** What was called so far. */
  figures?(): CallFigure[];
  /** Closes the connection; calls under way fail with `unavailable`, the next call connects anew. */
  disconnect(): void;
}

/** What happens to tasks, from one subscription that survives restarts of containerd. */
export interface TaskEvents {
  /** Called for every task event of the namespace, in containerd's order; returns the way out. A throwing listener is logged. */
  listen(listener: (event: TaskEvent) => void): () => void;
  /** Called after a gap (containerd or the connection was gone): whoever keeps task state compares it with Tasks.List then. */
  onResync(hook: () => void | Promise<void>): () => void;
  /** Resolves once the subscription is seen to deliver. */
  ready(): Promise<void>;
  close(): Promise<void>;
}

/** The containerd process behind the client. */
export interface Supervisor {
  readonly socket: string;
  /** Undefined when containerd is not ours (`--containerd`). */
  readonly pid: number | undefined;
  /** Resolves when containerd answers; rejects with kind `unavailable` when it does not within the start limit. */
  ready(): Promise<void>;
  /** Called each time containerd answers again after it had died. */
  onReconnect(listener: () => void): () => void;
  /** Stops our containerd (containers' shims go on). Nothing when it is not ours. */
  stop(): Promise<void>;
}

/** What the room offers to others, registered as one plugin. */
export interface Ctrd {
  readonly client: ContainerdClient;
  readonly events: TaskEvents;
  readonly supervisor: Supervisor;
}
