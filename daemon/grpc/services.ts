import type { Server } from '@grpc/grpc-js';
import type { ServiceDefinition } from '../ctrd/contract.ts';
import { ContainersDefinition } from '../types/gen/containerd/containers.ts';
import { ContentDefinition } from '../types/gen/containerd/content.ts';
import { DiffDefinition } from '../types/gen/containerd/diff.ts';
import { EventsDefinition } from '../types/gen/containerd/events.ts';
import { ImagesDefinition } from '../types/gen/containerd/images.ts';
import { LeasesDefinition } from '../types/gen/containerd/leases.ts';
import { NamespacesDefinition } from '../types/gen/containerd/namespaces.ts';
import { SnapshotsDefinition } from '../types/gen/containerd/snapshots.ts';
import { TasksDefinition } from '../types/gen/containerd/tasks.ts';
import { VersionDefinition } from '../types/gen/containerd/version.ts';
import type { GrpcService, NamespacePolicy } from './contract.ts';
import { ruleFor } from './namespace-policy.ts';
import { passThrough } from './pass-through.ts';
import type { Upstream } from './upstream.ts';

/** containerd's services that are handed on, as method paths by the id containerd gives their plugin; introspection is the daemon's own. */
export const handedOn: Readonly<Record<string, readonly string[]>> = {
  containers: methodsOf(ContainersDefinition),
  content: methodsOf(ContentDefinition),
  diff: methodsOf(DiffDefinition),
  events: methodsOf(EventsDefinition),
  healthcheck: ['/grpc.health.v1.Health/Check'],
  images: methodsOf(ImagesDefinition),
  leases: methodsOf(LeasesDefinition),
  namespaces: methodsOf(NamespacesDefinition),
  snapshots: methodsOf(SnapshotsDefinition),
  tasks: methodsOf(TasksDefinition),
  version: methodsOf(VersionDefinition),
};

/** A service whose every method is answered by containerd under the namespace policy. */
export function createHandedOn(paths: readonly string[], upstream: Upstream, policy: NamespacePolicy): GrpcService {
  return {
    register(server: Server) {
      for (const path of paths) passThrough(server, path, upstream, ruleFor(path, policy));
    },
  };
}

function methodsOf(service: ServiceDefinition): string[] {
  return Object.values(service.methods).map(({ name }) => `/${service.fullName}/${name}`);
}
