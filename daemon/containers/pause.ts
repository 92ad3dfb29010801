import { conflict, isKind } from '../errors/error.ts';
import { startHealth } from './health.ts';
import { notRunning } from './kill.ts';
import type { LiveContainer } from './live.ts';
import type { Room } from './room.ts';

/** See ContainerLifecycle.pause: all processes are frozen. */
export async function pause(room: Room, container: LiveContainer): Promise<void> {
  await room.table.locked(container, async () => {
    const { record } = container;
    if (!record.state.Running) throw notRunning(container);
    if (record.state.Paused) throw conflict(`Container ${record.id} is already paused`);
    if (record.state.Restarting) throw conflict(`Container ${record.id} is restarting, wait until the container is running`);
    await freeze(room, container, 'pause');
    container.run.health?.stop();
    Object.assign(record.state, { Status: 'paused', Paused: true });
    room.table.save(container);
    room.table.event(container, 'pause');
  });
}

/** See ContainerLifecycle.unpause. */
export async function unpause(room: Room, container: LiveContainer): Promise<void> {
  await room.table.locked(container, async () => {
    const { record } = container;
    if (!record.state.Paused) throw conflict(`Container ${record.id} is not paused`);
    await freeze(room, container, 'resume');
    Object.assign(record.state, { Status: 'running', Paused: false });
    room.table.save(container);
    room.table.event(container, 'unpause');
    startHealth(room, container);
  });
}

async function freeze(room: Room, container: LiveContainer, verb: 'pause' | 'resume'): Promise<void> {
  try {
    await room.ctrd.client.tasks[verb]({ containerId: container.record.id });
  } catch (error) {
    if (isKind(error, 'notFound')) throw notRunning(container);
    throw error;
  }
}
