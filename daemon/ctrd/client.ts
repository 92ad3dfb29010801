import { randomUUID } from 'node:crypto';
import { isKind } from '../errors/error.ts';
import { ContainersDefinition } from '../types/gen/containerd/containers.ts';
import { ContentDefinition } from '../types/gen/containerd/content.ts';
import { DiffDefinition } from '../types/gen/containerd/diff.ts';
import { EventsDefinition } from '../types/gen/containerd/events.ts';
import { ImagesDefinition } from '../types/gen/containerd/images.ts';
import { IntrospectionDefinition } from '../types/gen/containerd/introspection.ts';
import { LeasesDefinition } from '../types/gen/containerd/leases.ts';
import { NamespacesDefinition } from '../types/gen/containerd/namespaces.ts';
import { SnapshotsDefinition } from '../types/gen/containerd/snapshots.ts';
import { TasksDefinition } from '../types/gen/containerd/tasks.ts';
import { VersionDefinition } from '../types/gen/containerd/version.ts';
import { readBlob, readJson, writeBlob } from './blob.ts';
import { Channel, type ChannelOptions } from './channel.ts';
import type { ContainerdClient } from './contract.ts';
import { createServiceClient } from './service.ts';

/** A client for the containerd at `socket`. Nothing is loaded or opened before the first call. */
export function createContainerdClient(options: ChannelOptions): ContainerdClient {
  const channel = new Channel(options);
  const content = createServiceClient(channel, ContentDefinition);
  const leases = createServiceClient(channel, LeasesDefinition);
  return {
    namespace: options.namespace,
    containers: createServiceClient(channel, ContainersDefinition),
    content,
    diff: createServiceClient(channel, DiffDefinition),
    events: createServiceClient(channel, EventsDefinition),
    images: createServiceClient(channel, ImagesDefinition),
    introspection: createServiceClient(channel, IntrospectionDefinition),
    leases,
    namespaces: createServiceClient(channel, NamespacesDefinition),
    snapshots: createServiceClient(channel, SnapshotsDefinition),
    tasks: createServiceClient(channel, TasksDefinition),
    version: createServiceClient(channel, VersionDefinition),
    writeBlob: (ref, write, source) => writeBlob({ channel, content }, { ref, ...write }, source),
    readBlob: (digest, range) => readBlob(content, digest, range),
    readJson: (digest, call) => readJson(content, digest, call),
    withLease: (work, lease) => withLease(leases, work, lease),
    figures: () => channel.figures.rows(),
    disconnect: () => channel.disconnect(),
    warm: () => channel.warm(),
  };
}

async function withLease<T>(
  leases: ContainerdClient['leases'],
  work: (lease: string) => Promise<T>,
  { expireMs = 60 * 60 * 1000, signal }: { expireMs?: number; signal?: AbortSignal } = {},
): Promise<T> {
  const id = `pouch-${randomUUID()}`;
  const labels = { 'containerd.io/gc.expire': new Date(Date.now() + expireMs).toISOString() };
  await leases.create({ id, labels }, { signal });
  try {
    return await work(id);
  } finally {
    // A lease that cannot be deleted now (containerd just died) expires by its label.
    await leases.delete({ id }).catch((error: unknown) => {
      if (!isKind(error, 'notFound') && !isKind(error, 'unavailable')) throw error;
    });
  }
}
