import { packJson } from '../ctrd/any.ts';
import { conflict, internal, messageOf } from '../errors/error.ts';
import { resourcesOf } from '../spec/resources.ts';
import type { HostConfig, Resources, UpdateConfig } from '../types/docker/container.ts';
import { blockDevices } from './host-devices.ts';
import type { LiveContainer } from './live.ts';
import { mergeEnv } from './merge-config.ts';
import type { Room } from './room.ts';
import { withRootfsPath } from './rootfs-path.ts';
import { checkShape } from './shape.ts';
import { checkRestartPolicy } from './validate.ts';
import { checkResources } from './validate-resources.ts';

/**
 * See ContainerLifecycle.update. Limits go to the running task before they are saved; Env and Labels (Pouch's extension) are saved and seen by the next start. `postUpdate` plugins run
 * when all is saved.
 */
export async function update(room: Room, container: LiveContainer, body: UpdateConfig): Promise<{ Warnings: string[] | null }> {
  checkShape('update', body);
  const { Env, Labels, RestartPolicy, ...limits } = body;
  const warnings = checkResources(limits, room.host);
  await room.table.locked(container, async () => {
    const { record, run } = container;
    if (run.removing)
      throw conflict(`Cannot update container ${record.id}: container is marked for removal and cannot be "update"`);
    const next = mergedLimits(record.hostConfig, limits);
    if (RestartPolicy?.Name) {
      checkRestartPolicy(RestartPolicy, false);
      if (record.hostConfig.AutoRemove && RestartPolicy.Name !== 'no') {
        throw conflict('Restart policy cannot be updated because AutoRemove is enabled for the container');
      }
      next.RestartPolicy = { Name: RestartPolicy.Name, MaximumRetryCount: RestartPolicy.MaximumRetryCount ?? 0 };
    }
    if (record.state.Running && !record.state.Restarting && changesLimits(limits)) await applyLimits(room, container, next);
    Object.assign(record.hostConfig, next);
    if (Env) record.config.Env = mergeEnv(record.config.Env ?? [], Env);
    if (Labels) record.config.Labels = { ...record.config.Labels, ...Labels };
    room.table.save(container);
    room.table.event(container, 'update');
  });
  if (room.hooks.has('container.postUpdate')) {
    await withRootfsPath(room, container, (rootfs) =>
      room.hooks.run('container.postUpdate', rootfs, container.record.config.Env ?? []),
    );
  }
  return { Warnings: warnings.length > 0 ? warnings : null }; // Go's nil slice
}

const changesLimits = (limits: Resources) =>
  Object.values(limits).some((value) => value !== null && value !== undefined && value !== 0 && value !== '');

/** What is set replaces, zero and empty leave alone; what does not fit what was set before is conflict with Docker's text. */
function mergedLimits(old: HostConfig, limits: Resources): HostConfig {
  if (limits.CpuPeriod && old.NanoCpus)
    throw conflict('Conflicting options: CPU Period cannot be updated as NanoCPUs has already been set');
  if (limits.CpuQuota && old.NanoCpus)
    throw conflict('Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set');
  if (limits.NanoCpus && old.CpuQuota)
    throw conflict('Conflicting options: NanoCPUs cannot be updated as CPU Quota has already been set');
  if (limits.NanoCpus && old.CpuPeriod)
    throw conflict('Conflicting options: NanoCPUs cannot be updated as CPU Period has already been set');
  const swap = limits.MemorySwap || old.MemorySwap || 0;
  if (limits.Memory && !limits.MemorySwap && swap > 0 && limits.Memory > swap) {
    throw conflict('Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time');
  }
  const set = Object.entries(limits).filter(
    ([, value]) =>
      value !== undefined && value !== null && value !== 0 && value !== '' && !(Array.isArray(value) && value.length === 0),
  );
  return { ...old, ...Object.fromEntries(set) };
}

async function applyLimits(room: Room, container: LiveContainer, next: HostConfig): Promise<void> {
  const { id } = container.record;
  try {
    await room.ctrd.client.tasks.update({
      containerId: id,
      resources: packJson('ociResources', resourcesOf(next, room.host, blockDevices(next))),
    });
  } catch (error) {
    throw internal(`Cannot update container ${id}: ${messageOf(error)}`, error);
  }
}
