import { packJson, packRuncOptions } from '../ctrd/any.ts';
import { isKind } from '../errors/error.ts';
import type { OciSpec } from '../spec/oci.ts';
import type { LiveContainer } from './live.ts';
import type { Room } from './room.ts';

const runtimeName = 'io.containerd.runc.v2';

/** Makes containerd's container object, or gives the one of an earlier start the new spec. */
export async function createInContainerd(room: Room, container: LiveContainer, spec: OciSpec): Promise<void> {
  const { record, run } = container;
  const { containers } = room.ctrd.client;
  const body = { id: record.id, spec: packJson('ociSpec', spec) };
  if (run.inContainerd) {
    try {
      await containers.update({ container: body, updateMask: ['spec'] });
      return;
    } catch (error) {
      if (!isKind(error, 'notFound')) throw error;
    }
  }
  const binary = room.config.runtimes[record.runtime]?.path ?? record.runtime;
  await containers.create({
    container: {
      ...body,
      image: record.imageId,
      runtime: { name: runtimeName, options: packRuncOptions({ binaryName: binary }) },
      snapshotter: record.snapshotter,
      snapshotKey: record.id,
      labels: { 'io.pouchd.container': 'true' },
    },
  });
  run.inContainerd = true;
}

/** Tasks.Create; a task that a failed undo left (containerd was away) is removed first. */
export async function createTask(room: Room, request: Parameters<Room['ctrd']['client']['tasks']['create']>[0]): Promise<number> {
  const { tasks } = room.ctrd.client;
  try {
    return (await tasks.create(request)).pid;
  } catch (error) {
    if (!isKind(error, 'alreadyExists')) throw error;
    await removeTask(room, request.containerId ?? '');
    return (await tasks.create(request)).pid;
  }
}

/** Kills and removes a task; not an error when there is none. */
export async function removeTask(room: Pick<Room, 'ctrd' | 'log'>, id: string): Promise<void> {
  const { tasks } = room.ctrd.client;
  try {
    await tasks.kill({ containerId: id, signal: 9, all: true });
    await tasks.wait({ containerId: id }, { timeoutMs: 10_000 });
  } catch (error) {
    if (!isKind(error, 'notFound')) room.log.debug('kill before removal failed', { id, error });
  }
  try {
    await tasks.delete({ containerId: id });
  } catch (error) {
    if (!isKind(error, 'notFound')) throw error;
  }
}
