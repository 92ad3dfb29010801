/*
 * Start. Under the container's lock: plugins are asked, the network is opened, streams, mounts and files are made ready, the spec is built, containerd creates and starts the task, the
 * record is saved. What a step makes is pushed on one stack; a failure undoes all of it and leaves the container as it was, with the exit code and error that Docker shows.
 */
import { join } from 'node:path';
import { conflict, messageOf, notModified } from '../errors/error.ts';
import { nowText } from '../lib/time.ts';
import { buildSpec } from '../spec/build.ts';
import type { SpecInput } from '../spec/contract.ts';
import { containerUser } from './container-user.ts';
import { startHealth } from './health.ts';
import { blockDevices, hostDevices } from './host-devices.ts';
import { findInit } from './init-binary.ts';
import { linkEnv } from './links.ts';
import type { LiveContainer } from './live.ts';
import { mergeEnv } from './merge-config.ts';
import type { Room } from './room.ts';
import { startFailure } from './run-errors.ts';
import { resolverOf, writeStartFiles } from './start-files.ts';
import { fileMounts, startMounts } from './start-mounts.ts';
import { startNamespaces } from './start-namespaces.ts';
import { type StartNetwork, startNetwork } from './start-network.ts';
import { hasHealthcheck, setRunning } from './state.ts';
import { settle } from './table.ts';
import { createInContainerd, createTask, removeTask } from './task.ts';
import { together } from './together.ts';
import { viewOf } from './view.ts';
import { withUndo } from './with-undo.ts';

const defaultPath = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** See ContainerLifecycle.start. */
export async function start(room: Room, container: LiveContainer): Promise<void> {
  await room.table.locked(container, async () => {
    const { state } = container.record;
    if (container.run.removing) throw conflict('container is marked for removal and cannot be started');
    if (state.Paused) throw conflict('cannot start a paused container, try unpause instead');
    if (state.Running) throw notModified(`container ${container.record.name} is already running`);
    container.record.hasBeenManuallyStopped = false;
    container.record.restartCount = 0;
    container.run.restartDelayMs = 0;
    await startLocked(room, container);
  });
}

/** The start itself, for those who hold the container's lock (restart, restart policy). */
export async function startLocked(room: Room, container: LiveContainer): Promise<void> {
  const { record } = container;
  Object.assign(container.run, { stopCause: undefined, sawOom: false, volumeMounts: [], hostMounts: [] });
  try {
    const network = await withUndo(room.log, async (undo) => {
      const launched = await launch(room, container, undo);
      applyNetwork(container, launched.network);
      setRunning(record.state, launched);
      record.hasBeenStartedBefore = true;
      record.logPath = container.log?.path ?? '';
      if (hasHealthcheck(record.config.Healthcheck)) {
        record.state.Health = { Status: 'starting', FailingStreak: 0, Log: record.state.Health?.Log ?? [] };
      }
      room.table.save(container);
      return launched.network;
    }); // from here on the exit handler gives everything back
    container.run.startedAtMs = performance.now();
    await network.barrier?.close();
  } catch (error) {
    await resetStreams(container);
    throw failed(room, container, error);
  }
  room.log.info('container started', { id: record.id, name: record.name, pid: record.state.Pid });
  room.table.event(container, 'start');
  startHealth(room, container);
  if (room.hooks.has('container.postStart')) await room.hooks.run('container.postStart', viewOf(container));
}

/** A failed start ends attached clients; the next attach or start opens streams anew. */
async function resetStreams(container: LiveContainer): Promise<void> {
  const { io } = container;
  container.io = undefined;
  await io?.close();
}

function failed(room: Room, container: LiveContainer, cause: unknown): unknown {
  const failure = startFailure(cause);
  const { state } = container.record;
  Object.assign(state, {
    Running: false,
    Restarting: false,
    Paused: false,
    Pid: 0,
    ExitCode: failure.exitCode,
    Error: messageOf(failure.error),
  });
  if (state.Status !== 'created') state.Status = 'exited';
  room.table.save(container);
  if (container.record.hasBeenStartedBefore)
    settle(container.run.exitWaiters, { exitCode: failure.exitCode, at: state.FinishedAt });
  return failure.error;
}

/** Everything up to the running process. */
async function launch(
  room: Room,
  container: LiveContainer,
  undo: AsyncDisposableStack,
): Promise<{ pid: number; startedAt: string; network: StartNetwork }> {
  const { record } = container;
  const ociHooks = await room.ociHooks?.hooksFor(container);
  const hasUserHooks = Boolean(ociHooks?.prestart?.length || ociHooks?.createRuntime?.length);
  const times = [performance.now()];
  const [network, mounts, rootfs, io, user] = await together([
    startNetwork(room, container, { hasUserHooks }, undo),
    startMounts(room, container, undo),
    room.images.rootfsMounts(record.id, record.snapshotter),
    room.table.ensureIo(container),
    containerUser(room, container, record.config.User ?? '', record.hostConfig.GroupAdd ?? []),
  ]);
  times.push(performance.now());
  writeFiles(room, container, network);
  const filesDir = network.joined?.dir ?? container.dir;
  const spec = buildSpec(
    specInput(room, container, { network, user, mounts: [...mounts, ...fileMounts(container, filesDir, mounts)], ociHooks }),
  );
  await createInContainerd(room, container, spec);
  times.push(performance.now());
  undo.defer(() => removeTask(room, record.id));
  const pid = await createTask(room, { containerId: record.id, rootfs, ...io.paths }).catch((error: unknown) => {
    throw network.barrier?.failure ?? error;
  });
  times.push(performance.now());
  const startedAt = nowText(); // before the process can write: clients ask for logs since StartedAt
  await room.ctrd.client.tasks.start({ containerId: record.id });
  io.started();
  times.push(performance.now());
  const [prepareMs, containerMs, createMs, startMs] = times
    .slice(1)
    .map((time, at) => Math.round((time - (times[at] ?? 0)) * 10) / 10);
  room.log.debug('start steps', { id: record.id, prepareMs, containerMs, createMs, startMs });
  return { pid, startedAt, network };
}

function specInput(
  room: Room,
  container: LiveContainer,
  parts: Pick<SpecInput, 'user' | 'mounts' | 'ociHooks'> & { network: StartNetwork },
): SpecInput {
  const { config, hostConfig, id, args } = container.record;
  const hostname = hostConfig.UTSMode === 'host' ? '' : (config.Hostname ?? '');
  const env = [defaultPath, `HOSTNAME=${config.Hostname ?? ''}`, ...(config.Tty ? ['TERM=xterm'] : [])];
  return {
    containerId: id,
    config,
    hostConfig,
    args,
    env: mergeEnv([...env, ...linkEnv(parts.network.links, container.record.name)], config.Env ?? []),
    workingDir: config.WorkingDir || '/',
    user: parts.user,
    hostname,
    mounts: parts.mounts,
    namespaces: startNamespaces(room, container, parts.network.netns),
    cgroupsPath: join(hostConfig.CgroupParent || room.config.cgroupParent || '/pouchd', id),
    rootfsPath: 'rootfs',
    prestart: parts.network.prestart,
    ociHooks: parts.ociHooks,
    annotations: hostConfig.Annotations ?? {},
    ...(hostConfig.Init ? { initPath: findInit(room.config.initPath) } : {}),
    devices: hostDevices(hostConfig),
    blockDevices: blockDevices(hostConfig),
    ownsNetwork: !parts.network.joined,
    host: room.host,
  };
}

function writeFiles(room: Room, container: LiveContainer, network: StartNetwork): void {
  if (network.joined) return; // its files are the other container's
  const { config, hostConfig } = container.record;
  const isHostNetwork = network.netns === 'host';
  const given = network.disableResolver || isHostNetwork || !network.sandbox ? room.networks.hostDns() : network.sandbox.dns;
  writeStartFiles(container, {
    isHostNetwork,
    hostname: config.Hostname ?? '',
    domainname: config.Domainname ?? '',
    endpoints: network.sandbox?.endpoints ?? {},
    links: network.links,
    hostGateway: (hostConfig.ExtraHosts?.length && bridgeGateway(room)) || '',
    dns: resolverOf(room, container, given),
  });
}

function bridgeGateway(room: Room): string {
  return room.networks.find('bridge') ? (room.networks.inspect('bridge').IPAM.Config?.[0]?.Gateway ?? '') : '';
}

/** The network's answers into the record. */
function applyNetwork({ record }: LiveContainer, { sandbox }: StartNetwork): void {
  record.networks = sandbox ? { ...record.networks, ...sandbox.endpoints } : record.networks;
  record.ports = sandbox?.ports ?? {};
  record.sandboxId = sandbox?.sandboxId ?? '';
  record.sandboxKey = sandbox?.netnsPath ?? '';
}
