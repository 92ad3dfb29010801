import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { poll } from '../../daemon/lib/deadline.ts';
import { type PointName, pointNames } from '../../hookplugins/points.ts';
import type { TestDaemon } from './daemon.ts';
import { busyboxArchive } from './image.ts';

/** Points that an engine without Kubernetes never comes to. */
const ofKubernetes: readonly PointName[] = ['cri.preCreateContainer'];

/**
 * Does to a daemon what brings it to every hook point, and ends it. `log` is the file in which recorder plugins write `POINT NAME`; gives the names by point, in the order of the calls, and the points that
 * were not called.
 */
export async function walkPoints(
  d: TestDaemon,
  registry: string,
  log: string,
): Promise<{ calls: Map<PointName, string[]>; missing: PointName[] }> {
  const lines = () => readFileSync(log, 'utf8').split('\n').filter(Boolean);
  const docker = (...args: string[]) => d.docker(args);
  /** Does something and waits until it has come to a point: some are called after the answer. */
  const until = async (point: PointName, work: Promise<unknown>): Promise<void> => {
    await work;
    await poll(`a call of ${point}`, () => lines().some((line) => line.startsWith(`${point} `)), { timeoutMs: 20_000 });
  };
  const archive = path.join(d.dir, 'busybox.tar');
  const image = `${registry}/busybox:1`;
  await busyboxArchive(archive, { name: image });
  await docker('load', '-q', '-i', archive);
  await docker('push', '-q', image);
  await until('image.preDelete', docker('rmi', image));
  await until('image.postPull', docker('pull', '-q', image));
  await until('network.preCreate', docker('network', 'create', 'other'));
  await until('volume.postCreate', docker('volume', 'create', 'data'));
  await until(
    'container.postCreate',
    docker('create', '--name', 'web', '-v', 'data:/data', '--stop-timeout', '1', image, 'sleep', '1000'),
  );
  await until('container.postStart', docker('start', 'web'));
  await until('network.postConnect', docker('network', 'connect', 'other', 'web'));
  await until('network.preDisconnect', docker('network', 'disconnect', 'other', 'web'));
  await until('exec.postStop', docker('exec', 'web', 'true'));
  await until('container.postUpdate', docker('update', '--memory', '64m', '--memory-swap', '64m', 'web'));
  await until('container.preAttach', d.call('POST', '/containers/web/attach?stream=0&stdout=1&logs=1'));
  await until('container.postStop', docker('stop', 'web'));
  await until('container.postDelete', docker('rm', 'web'));
  await until('volume.preDelete', docker('volume', 'rm', 'data'));
  await until('daemon.health', d.call('GET', '/health'));
  writeFileSync(d.configFile, JSON.stringify({ labels: ['reloaded=yes'] }));
  d.signal('SIGHUP');
  await until('daemon.configReload', Promise.resolve());
  await d.stop();

  const calls = new Map<PointName, string[]>();
  for (const line of lines()) {
    const [point, name = ''] = line.split(' ') as [PointName, string];
    calls.set(point, [...(calls.get(point) ?? []), name]);
  }
  return { calls, missing: pointNames.filter((point) => !calls.has(point) && !ofKubernetes.includes(point)) };
}
