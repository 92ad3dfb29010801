import type { ContainerView } from '../../hookplugins/shapes.ts';
import type { LiveContainer } from './live.ts';

/** A container as hook methods see it; cheap, and shares nothing they could break but the configuration objects, which they are told not to change. */
export function viewOf(container: LiveContainer): ContainerView {
  const { record } = container;
  return {
    Id: record.id,
    Name: record.name,
    Created: record.created,
    Image: record.imageId,
    Config: structuredClone(record.config),
    HostConfig: structuredClone(record.hostConfig),
    State: { ...record.state },
    Path: record.args[0] ?? '',
    Args: record.args.slice(1),
    RestartCount: record.restartCount,
    Mounts: structuredClone(record.mounts),
  };
}
