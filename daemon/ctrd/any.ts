import type { Any } from '../types/gen/containerd/google/protobuf/any.ts';
import { Options } from '../types/gen/containerd/runc.ts';

/** Type URLs of what containerd carries inside `Any`; it has no `type.googleapis.com/` in front. */
export const typeUrls = {
  ociSpec: 'types.containerd.io/opencontainers/runtime-spec/1/Spec',
  ociProcess: 'types.containerd.io/opencontainers/runtime-spec/1/Process',
  ociResources: 'types.containerd.io/opencontainers/runtime-spec/1/LinuxResources',
  runcOptions: 'containerd.runc.v1.Options',
  cgroup1Metrics: 'io.containerd.cgroups.v1.Metrics',
  cgroup2Metrics: 'io.containerd.cgroups.v2.Metrics',
} as const;

/** A value as JSON under one of the OCI type URLs. */
export function packJson(type: 'ociSpec' | 'ociProcess' | 'ociResources', value: unknown): Any {
  return { typeUrl: typeUrls[type], value: Buffer.from(JSON.stringify(value)) };
}

/** The JSON inside an `Any` (an OCI spec …); the caller says the type. */
export function unpackJson<T>(any: Any): T {
  return JSON.parse(Buffer.from(any.value).toString('utf8')) as T; // unchecked by contract
}

/** Options of the runc shim, for Containers.Create (runtime.options) and Tasks.Create. */
export function packRuncOptions(options: Partial<Options>): Any {
  return { typeUrl: typeUrls.runcOptions, value: Buffer.from(Options.encode(Options.fromPartial(options)).finish()) };
}
