import type { HealthReport } from '../../../hookplugins/shapes.ts';
import { messageOf } from '../../errors/error.ts';
import type { SystemBackend } from './backend.ts';

/** The answer of `GET /health`: the daemon's own checks and those of plugins (`daemon.health`). */
export interface Health {
  readonly status: 'healthy' | 'unhealthy';
  readonly checks: Required<HealthReport>[];
}

/** Asks containerd and the plugins how they are. */
export async function health(backend: Pick<SystemBackend, 'ctrd' | 'hooks'>): Promise<Health> {
  const collected = await backend.hooks.collect('daemon.health');
  const checks = [
    await containerdCheck(backend),
    ...collected.flatMap(({ plugin, value }) =>
      value.map((one) => ({ name: one.name || plugin.id, healthy: one.healthy, message: one.message ?? '' })),
    ),
  ];
  return { status: checks.every((one) => one.healthy) ? 'healthy' : 'unhealthy', checks };
}

async function containerdCheck({ ctrd }: Pick<SystemBackend, 'ctrd'>): Promise<Required<HealthReport>> {
  try {
    await ctrd?.client.version.version({}, { timeoutMs: 2000 });
    return { name: 'containerd', healthy: true, message: '' };
  } catch (error) {
    return { name: 'containerd', healthy: false, message: messageOf(error) };
  }
}
