/*
 * Create: name, plugins, checks, image, volumes, networks, writable layer, record, event. Every step that leaves something behind pushes its undo on one stack, so a failure at any
 * point leaves nothing; the record is saved last, and what is saved exists.
 */
import { mkdir, rm } from 'node:fs/promises';
import { hostname as hostName } from 'node:os';
import { invalidArgument, notFound } from '../errors/error.ts';
import type { Image } from '../images/contract.ts';
import { newId, shortId } from '../lib/id.ts';
import { nowText } from '../lib/time.ts';
import { maskedPaths, readonlyPaths } from '../spec/paths.ts';
import type { ContainerConfig, ContainerCreateConfig, HostConfig } from '../types/docker/container.ts';
import type { ContainerRecord } from './contract.ts';
import { copyUp } from './copy-up.ts';
import { linksOf } from './links.ts';
import type { LiveContainer } from './live.ts';
import { commandLine, mergeConfig } from './merge-config.ts';
import { planMounts } from './mounts.ts';
import { checkName, randomName } from './names.ts';
import { planEndpoints } from './network-plan.ts';
import type { Room } from './room.ts';
import { checkShape } from './shape.ts';
import { createdState } from './state.ts';
import { together } from './together.ts';
import { validateCreate } from './validate.ts';
import { joinedContainer } from './validate-modes.ts';
import { viewOf } from './view.ts';
import { withUndo } from './with-undo.ts';

/** See ContainerLifecycle.create. The request is changed by plugins in place. */
export async function create(
  room: Room,
  request: ContainerCreateConfig,
  options: { name?: string; platform?: string; signal?: AbortSignal },
): Promise<{ Id: string; Warnings: string[] }> {
  checkShape('create', request);
  const { container, warnings } = await withUndo(room.log, (undo) => make(room, request, options, undo));
  room.table.event(container, 'create');
  if (room.hooks.has('container.postCreate')) await room.hooks.run('container.postCreate', viewOf(container));
  return { Id: container.record.id, Warnings: warnings };
}

async function make(
  room: Room,
  request: ContainerCreateConfig,
  options: { name?: string; platform?: string },
  undo: AsyncDisposableStack,
): Promise<{ container: LiveContainer; warnings: string[] }> {
  const id = newId();
  const name = options.name ? checkName(options.name) : randomName((one) => room.table.isTaken(one));
  room.table.reserve(name, id);
  undo.defer(() => room.table.release(name, id));

  if (room.hooks.has('container.preCreate')) {
    await room.hooks.run('container.preCreate', request);
    checkShape('create', request);
  }
  const { HostConfig: given, NetworkingConfig, Snapshotter, ...asked } = request;
  if (Object.keys(asked).length === 0) throw invalidArgument('Config cannot be empty in order to create a container');
  const hostConfig = completeHostConfig(room, given ?? {});
  const normalised = normaliseCommand(asked);
  const warnings = validateCreate(normalised, hostConfig, {
    host: room.host,
    runtimes: Object.keys(room.config.runtimes),
    validateLogConfig: (type, config) => room.stdio.validateLogConfig(type, config),
  });
  if (!asked.Image) mergeConfig(normalised, undefined); // Docker complains of the command first
  const image = findImage(room, asked.Image ?? '', options.platform);
  const config = mergeConfig(normalised, image.config.config);
  config.Hostname ||= hostConfig.NetworkMode === 'host' || hostConfig.UTSMode === 'host' ? hostName() : shortId(id);
  const networks = planEndpoints(config, hostConfig, NetworkingConfig, room.networks);
  linksOf(room, hostConfig);
  pinDonor(room, hostConfig);

  const snapshotter = Snapshotter || room.images.defaultSnapshotter;
  const rootfs = room.images.prepareRootfs(id, image, { snapshotter });
  undo.defer(() => room.images.removeRootfs(id, snapshotter));
  const [plan] = await together([planMounts(room, { id, config, hostConfig }, undo), rootfs]);
  await copyUp(room, { id, snapshotter }, plan.copyUp);
  const dir = room.table.dirOf(id);
  await mkdir(dir, { recursive: true, mode: 0o710 });
  undo.defer(() => rm(dir, { recursive: true, force: true }));

  const record: ContainerRecord = {
    id,
    name,
    created: nowText(),
    config,
    hostConfig,
    args: commandLine(config),
    imageId: image.id,
    imageRef: asked.Image ?? '',
    snapshotter,
    runtime: hostConfig.Runtime ?? room.config.defaultRuntime,
    state: createdState(),
    restartCount: 0,
    hasBeenManuallyStopped: false,
    hasBeenStartedBefore: false,
    mounts: plan.points,
    networks,
    ports: {},
    sandboxId: '',
    sandboxKey: '',
    logPath: '',
    prestart: [],
    processLabel: '',
    appArmorProfile: '',
  };
  const container = room.table.add(record);
  undo.defer(() => room.table.drop(container));
  room.table.save(container);
  return { container, warnings };
}

/** `container:NAME` is kept as the id, as Docker does: a rename changes nothing. */
function pinDonor({ table }: Room, hostConfig: HostConfig): void {
  const donor = table.find(joinedContainer(hostConfig.NetworkMode) ?? '');
  if (donor) hostConfig.NetworkMode = `container:${donor.record.id}`;
}

/** A command given as one string is one argument, as Docker takes it. */
function normaliseCommand(config: ContainerConfig): ContainerConfig {
  const list = (value: unknown) => (typeof value === 'string' ? [value] : (value as string[] | null | undefined));
  return { ...config, Cmd: list(config.Cmd), Entrypoint: list(config.Entrypoint) };
}

function findImage(room: Room, ref: string, platform: string | undefined): Image {
  if (ref === '') throw notFound('No such image: ');
  const image = room.images.resolve(ref);
  if (platform) {
    const [os, architecture] = platform.split('/');
    const has = image.config;
    if (os !== has.os || (architecture && architecture !== has.architecture && normalArch(architecture) !== has.architecture)) {
      throw notFound(
        `image with reference ${ref} was found but does not match the specified platform: wanted ${platform}, actual: ${has.os}/${has.architecture}`,
      );
    }
  }
  return image;
}

const normalArch = (name: string) => ({ x86_64: 'amd64', aarch64: 'arm64' })[name] ?? name;

/** Docker switches SELinux off for containers that share the host's processes or may do everything, and says so. */
function withoutLabels({ SecurityOpt, Privileged, PidMode, IpcMode }: HostConfig): string[] | null | undefined {
  const isOpen = Privileged === true || PidMode === 'host' || IpcMode === 'host';
  if (!isOpen || SecurityOpt?.some((one) => /^label[=:]/.test(one))) return SecurityOpt;
  return [...(SecurityOpt ?? []), 'label=disable'];
}

/** HostConfig as given, with what Docker fills in where nothing was said. */
function completeHostConfig(room: Room, given: HostConfig): HostConfig {
  const isPrivileged = given.Privileged === true;
  const log = given.LogConfig?.Type
    ? { Type: given.LogConfig.Type, Config: given.LogConfig.Config ?? {} }
    : { Type: room.config.logDriver, Config: { ...room.config.logOpts, ...given.LogConfig?.Config } };
  return {
    ...given,
    NetworkMode: given.NetworkMode || 'default',
    LogConfig: log,
    RestartPolicy: { Name: given.RestartPolicy?.Name ?? '', MaximumRetryCount: given.RestartPolicy?.MaximumRetryCount ?? 0 },
    // Docker: a memory limit without a swap limit allows as much swap again.
    ...(given.Memory && !given.MemorySwap ? { MemorySwap: given.Memory * 2 } : {}),
    SecurityOpt: withoutLabels(given),
    ShmSize: given.ShmSize || room.config.defaultShmSizeBytes,
    Runtime: given.Runtime || room.config.defaultRuntime,
    IpcMode: given.IpcMode || 'private',
    CgroupnsMode: given.CgroupnsMode || (room.host.cgroupVersion === 2 && !isPrivileged ? 'private' : 'host'),
    MaskedPaths: isPrivileged ? null : (given.MaskedPaths ?? [...maskedPaths]),
    ReadonlyPaths: isPrivileged ? null : (given.ReadonlyPaths ?? [...readonlyPaths]),
  };
}
