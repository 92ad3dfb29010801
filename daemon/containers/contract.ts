import type { Image } from '../images/contract.ts';
import type { ContainerLog, ProcessIo } from '../stdio/contract.ts';
import type {
  ContainerConfig,
  ContainerCreateConfig,
  ContainerJSON,
  ContainerState,
  ContainerSummary,
  ExecConfig,
  HostConfig,
  MountPoint,
  PortMap,
  UpdateConfig,
} from '../types/docker/container.ts';
import type { EndpointSettings } from '../types/docker/network.ts';

/** The saved half of a container: exactly one row of the `containers` table. Changed only under the container's lock, saved by `save(container)`. */
export interface ContainerRecord {
  id: string;
  /** Without the leading slash. */
  name: string;
  created: string;
  config: ContainerConfig;
  hostConfig: HostConfig;
  /** What `Path` and `Args` of inspect show. */
  args: string[];
  imageId: string;
  /** As the user named it. */
  imageRef: string;
  snapshotter: string;
  runtime: string;
  state: ContainerState;
  restartCount: number;
  /** The user stopped it: restart policies leave it alone until the next start. */
  hasBeenManuallyStopped: boolean;
  hasBeenStartedBefore: boolean;
  mounts: MountPoint[];
  /** Network name -> requested settings, and while it runs what it got. */
  networks: Record<string, EndpointSettings>;
  ports: PortMap;
  sandboxId: string;
  sandboxKey: string;
  logPath: string;
  /** argv0 of prestart entries of plugins in the last spec, for inspect and debugging. */
  prestart: { priority: number; path: string; args: string[] }[];
  processLabel: string;
  appArmorProfile: string;
}

/** A container in memory. */
export interface Container {
  readonly record: ContainerRecord;
  /** Folder of its own under the daemon's root: hosts, hostname, resolv.conf, logs. */
  readonly dir: string;
  readonly image: Image | undefined;
  /** Set from first attach or start until removal. */
  io: ProcessIo | undefined;
  log: ContainerLog | undefined;
  /** Ids of its execs, newest last. */
  readonly execs: Set<string>;
}

/** The lookup half that the containers room's other files (exec, logs, archive, stats …) stand on. Reads come from memory. */
export interface ContainerTable {
  /** By full id, name (with or without slash) or unique id prefix. Throws notFound `No such container: REF`, invalidArgument for an ambiguous prefix. */
  resolve(ref: string): Container;
  find(ref: string): Container | undefined;
  all(): readonly Container[];
  /** Writes the record to the store and drops cached rows of lists and inspect. Synchronous. */
  save(container: Container): void;
  /** Runs `work` alone for this container. Not re-entrant. */
  locked<T>(container: Container, work: () => Promise<T>): Promise<T>;
  /** Publishes Docker's event for it, with its labels, image and name as attributes. */
  event(container: Container, action: string, attributes?: Record<string, string>): void;
  /** Makes sure `container.io` and `container.log` exist (attach before start). */
  ensureIo(container: Container): Promise<ProcessIo>;
  /** Resolves at the container's next exit. */
  onExit(container: Container, signal?: AbortSignal): Promise<{ exitCode: number }>;
}

export type WaitCondition = 'not-running' | 'next-exit' | 'removed';

export interface ListOptions {
  all?: boolean;
  limit?: number;
  size?: boolean;
  filters?: Record<string, string[]>;
}

/** Lifecycle verbs, one file each under containers/. */
export interface ContainerLifecycle {
  create(
    request: ContainerCreateConfig,
    options: { name?: string; platform?: string; signal?: AbortSignal },
  ): Promise<{ Id: string; Warnings: string[] }>;
  start(ref: string, options?: { detachKeys?: string; signal?: AbortSignal }): Promise<void>;
  stop(ref: string, options?: { timeoutSeconds?: number; signal?: string }): Promise<void>;
  restart(ref: string, options?: { timeoutSeconds?: number; signal?: string }): Promise<void>;
  kill(ref: string, signal?: string): Promise<void>;
  pause(ref: string): Promise<void>;
  unpause(ref: string): Promise<void>;
  rename(ref: string, name: string): Promise<void>;
  update(ref: string, body: UpdateConfig): Promise<{ Warnings: string[] | null }>;
  /** Resolves `registered` at once, so that the route can flush its header, then `result`. */
  wait(
    ref: string,
    condition: WaitCondition,
    signal?: AbortSignal,
  ): { registered: Promise<void>; result: Promise<{ StatusCode: number; Error?: { Message: string } }> };
  remove(ref: string, options?: { force?: boolean; volumes?: boolean; link?: boolean }): Promise<void>;
  prune(filters?: Record<string, string[]>): Promise<{ ContainersDeleted: string[] | null; SpaceReclaimed: number }>;
  /** Serialised JSON, rows cached between changes. */
  listJson(options: ListOptions): Promise<string>;
  list(options: ListOptions): Promise<ContainerSummary[]>;
  inspect(ref: string, options?: { size?: boolean; apiVersion?: string }): Promise<ContainerJSON>;
  networkConnect(network: string, container: string, settings: EndpointSettings): Promise<void>;
  networkDisconnect(network: string, container: string, force: boolean): Promise<void>;
}

/** Verbs on a container's processes and files. */
export interface ContainerProcesses {
  execCreate(ref: string, config: ExecConfig): Promise<{ Id: string }>;
  execInspect(id: string): Promise<unknown>;
  execResize(id: string, height: number, width: number): Promise<void>;
  resize(ref: string, height: number, width: number): Promise<void>;
  /** For healthchecks: runs a command, collects at most `maxBytes` of output. */
  execRun(
    container: Container,
    config: ExecConfig,
    options: { timeoutMs: number; maxBytes: number },
  ): Promise<{ exitCode: number; output: string; timedOut: boolean }>;
}

/** What the containers room gives to boot and to the rooms on and above its floor, registered as `types.container`. */
export interface Containers {
  readonly table: ContainerTable;
  readonly lifecycle: ContainerLifecycle;
  /** Hands in the processes half once it stands: healthchecks run through it. */
  useProcesses(processes: Pick<ContainerProcesses, 'execRun'>): void;
  /** Once everything is registered: matches the saved containers with containerd's tasks, undoes half-made things, applies restart policies. */
  restore(): Promise<void>;
}
