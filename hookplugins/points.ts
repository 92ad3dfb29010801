/*
 * The table of hook points. Each row is data: mode, failure policy, time limit, one sentence; its type parameter is the labelled tuple of arguments (and for `collect` the
 * type of one result). From it derive the plugin interfaces and register functions (plugin.ts), the caller (daemon/hooks) and docs/hooks.md. A new point is one row
 * here and one call where it happens.
 */
import type { Readable } from 'node:stream';
import type {
  ApiCall,
  ApiResult,
  AttachOptions,
  ContainerCreateConfig,
  ContainerView,
  EndpointSettings,
  ExecConfig,
  ExecView,
  HandlerSpec,
  HealthReport,
  HookEndpoint,
  ImageView,
  NetworkCreateRequest,
  NetworkView,
  PreStartEntry,
  SandboxMeta,
  StopInfo,
  Volume,
  VolumeCreateConfig,
} from './shapes.ts';

/** `abort`: the first failure ends the chain and is the caller's error. `log`: it is logged and the next plugin is called. */
export type FailurePolicy = 'abort' | 'log';

/** How the plugins of a point are called; always one after the other, in order. */
export type PointMode = 'each' | 'collect' | 'chain';

/** What a row says beside its types. */
export interface PointData {
  readonly policy: FailurePolicy;
  /** Time limit of one call, in milliseconds. */
  readonly timeoutMs: number;
  /** One sentence: when it is called. */
  readonly doc: string;
  /** Index of the argument that plugins may change in place. */
  readonly changes?: number;
}

/** What a `collect` or `chain` method must return, checked on every call. */
export interface ResultCheck {
  /** For the error: "returned 7, expected a Readable stream". */
  readonly what: string;
  is(value: unknown): boolean;
}

interface Row<Mode extends PointMode, Args extends readonly unknown[], Result> extends PointData {
  readonly mode: Mode;
  readonly result?: ResultCheck;
  /** Only for the compiler: never there at run time. */
  readonly types?: { args: Args; result: Result };
}

const each = <Args extends readonly unknown[]>(data: PointData): Row<'each', Args, void> => ({ mode: 'each', ...data });
const collect = <Args extends readonly unknown[], Result>(
  data: PointData & { result: ResultCheck },
): Row<'collect', Args, Result> => ({ mode: 'collect', ...data });
const chain = <Args extends readonly unknown[]>(data: PointData & { result: ResultCheck }): Row<'chain', Args, Args[0]> => ({
  mode: 'chain',
  ...data,
});

const isObject = (value: unknown): value is Record<string, unknown> => value !== null && typeof value === 'object';
const isStrings = (value: unknown) => Array.isArray(value) && value.every((one) => typeof one === 'string');
const isEntry = (value: unknown) =>
  isObject(value) &&
  Number.isFinite(value['priority']) &&
  typeof value['path'] === 'string' &&
  value['path'].startsWith('/') &&
  isStrings(value['args']) &&
  (value['env'] === undefined || isStrings(value['env'])) &&
  (value['timeout'] === undefined || Number.isFinite(value['timeout']));
const isHandler = (value: unknown) =>
  isObject(value) &&
  typeof value['method'] === 'string' &&
  typeof value['path'] === 'string' &&
  typeof value['handler'] === 'function';

const entries: ResultCheck = {
  what: 'an array of { priority, path, args, env?, timeout? } with absolute paths',
  is: (value) => Array.isArray(value) && value.every(isEntry),
};
const stream: ResultCheck = {
  what: 'a Readable stream',
  is: (value) => isObject(value) && typeof value['pipe'] === 'function' && typeof value['read'] === 'function',
};
const handlers: ResultCheck = {
  what: 'an array of { method, path, handler }',
  is: (value) => Array.isArray(value) && value.every(isHandler),
};
const reference: ResultCheck = { what: 'an image reference', is: (value) => typeof value === 'string' && value.length > 0 };
const health: ResultCheck = {
  what: 'an array of { name?, healthy, message? }',
  is: (value) => Array.isArray(value) && value.every((one) => isObject(one) && typeof one['healthy'] === 'boolean'),
};

/** Every hook point by its name, `kind.method`. */
export const points = {
  'daemon.preStartHook': each<[]>({
    policy: 'abort',
    timeoutMs: 30_000,
    doc: 'Before the daemon opens its doors; a failure stops the start.',
  }),
  'daemon.preStopHook': each<[]>({ policy: 'log', timeoutMs: 10_000, doc: 'When the daemon stops, before anything is closed.' }),
  'daemon.configReload': each<[config: Readonly<Record<string, unknown>>]>({
    policy: 'log',
    timeoutMs: 10_000,
    doc: 'After the configuration was read again on SIGHUP.',
  }),
  'daemon.health': collect<[], HealthReport[]>({
    policy: 'log',
    timeoutMs: 2_000,
    result: health,
    doc: 'When health is asked for; adds lines to the answer.',
  }),

  'container.preCreate': each<[config: ContainerCreateConfig]>({
    policy: 'abort',
    timeoutMs: 10_000,
    changes: 0,
    doc: 'Before a container is created and its request validated, over HTTP and CRI alike; the request may be changed in place.',
  }),
  'container.postCreate': each<[container: ContainerView]>({
    policy: 'log',
    timeoutMs: 10_000,
    doc: 'After a container was created and saved.',
  }),
  'container.preStart': collect<[container: ContainerView], PreStartEntry[]>({
    policy: 'abort',
    timeoutMs: 10_000,
    result: entries,
    doc: 'Before a container starts; returns programs that the runtime runs around the wiring of the network.',
  }),
  'container.preCreateEndpoint': each<[containerId: string, env: readonly string[], endpoint: HookEndpoint]>({
    policy: 'abort',
    timeoutMs: 10_000,
    changes: 2,
    doc: 'Before an endpoint of a container is made, on start and on connect; the endpoint may be changed in place.',
  }),
  'container.postStart': each<[container: ContainerView]>({
    policy: 'log',
    timeoutMs: 10_000,
    doc: 'After the process of a container runs.',
  }),
  'container.preUpdate': chain<[body: Readable]>({
    policy: 'abort',
    timeoutMs: 10_000,
    result: stream,
    doc: 'Before the body of an update is decoded; gets the raw stream and returns the one that is decoded.',
  }),
  'container.postUpdate': each<[rootfs: string, env: readonly string[]]>({
    policy: 'abort',
    timeoutMs: 30_000,
    doc: 'After an update was applied and saved; a failure is told to the client and takes nothing back.',
  }),
  'container.preExec': each<[container: ContainerView, config: ExecConfig]>({
    policy: 'abort',
    timeoutMs: 10_000,
    changes: 1,
    doc: 'Before an exec is created in a container; its configuration may be changed in place.',
  }),
  'container.preAttach': each<[container: ContainerView, options: AttachOptions]>({
    policy: 'abort',
    timeoutMs: 10_000,
    doc: 'Before a client is attached to a container.',
  }),
  'container.preStop': each<[container: ContainerView]>({
    policy: 'log',
    timeoutMs: 10_000,
    doc: 'Before a container is sent its stop signal by stop or restart.',
  }),
  'container.postStop': each<[container: ContainerView, info: StopInfo]>({
    policy: 'log',
    timeoutMs: 10_000,
    doc: 'After the process of a container ended, however it ended.',
  }),
  'container.preDelete': each<[container: ContainerView]>({
    policy: 'abort',
    timeoutMs: 10_000,
    doc: 'Before a container is removed; a failure keeps it.',
  }),
  'container.postDelete': each<[container: ContainerView]>({
    policy: 'log',
    timeoutMs: 10_000,
    doc: 'After a container was removed.',
  }),

  'exec.preStart': each<[exec: ExecView]>({
    policy: 'abort',
    timeoutMs: 10_000,
    doc: 'Before the process of an exec is started.',
  }),
  'exec.postStop': each<[exec: ExecView, info: { exitCode: number }]>({
    policy: 'log',
    timeoutMs: 10_000,
    doc: 'After the process of an exec ended.',
  }),

  'image.prePull': chain<[reference: string]>({
    policy: 'abort',
    timeoutMs: 10_000,
    result: reference,
    doc: 'Before an image is pulled; returns the reference that is pulled, the same or another.',
  }),
  'image.postPull': each<[snapshotter: string, image: ImageView]>({
    policy: 'abort',
    timeoutMs: 120_000,
    doc: 'After an image was pulled and unpacked; a failure fails the pull, the image stays.',
  }),
  'image.preDelete': each<[image: ImageView]>({
    policy: 'abort',
    timeoutMs: 10_000,
    doc: 'Before an image is removed; a failure keeps it.',
  }),

  'volume.preVolumeCreate': each<[config: VolumeCreateConfig]>({
    policy: 'abort',
    timeoutMs: 10_000,
    changes: 0,
    doc: 'Before a volume is created, in whichever way it comes to be; the request may be changed in place.',
  }),
  'volume.postCreate': each<[volume: Volume]>({ policy: 'log', timeoutMs: 10_000, doc: 'After a volume was created.' }),
  'volume.preMount': each<[volume: Volume, containerId: string]>({
    policy: 'abort',
    timeoutMs: 10_000,
    doc: 'Before a volume is mounted for a container.',
  }),
  'volume.postUnmount': each<[volume: Volume, containerId: string]>({
    policy: 'log',
    timeoutMs: 10_000,
    doc: 'After a container gave a volume back.',
  }),
  'volume.preDelete': each<[volume: Volume]>({
    policy: 'abort',
    timeoutMs: 10_000,
    doc: 'Before a volume is removed; a failure keeps it.',
  }),

  'network.preCreate': each<[config: NetworkCreateRequest]>({
    policy: 'abort',
    timeoutMs: 10_000,
    changes: 0,
    doc: 'Before a network is created; the request may be changed in place.',
  }),
  'network.postConnect': each<[network: NetworkView, containerId: string, endpoint: Readonly<EndpointSettings>]>({
    policy: 'log',
    timeoutMs: 10_000,
    doc: 'After a container was connected to a network, on start and on connect.',
  }),
  'network.preDisconnect': each<[network: NetworkView, containerId: string]>({
    policy: 'log',
    timeoutMs: 10_000,
    doc: 'Before a container is disconnected from a network.',
  }),

  'cri.preCreateContainer': each<[config: ContainerCreateConfig, sandboxMeta: SandboxMeta]>({
    policy: 'abort',
    timeoutMs: 10_000,
    changes: 0,
    doc: 'Before a container of a pod is created, ahead of container.preCreate; the request may be changed in place.',
  }),

  'api.updateHandler': chain<[handlers: HandlerSpec[]]>({
    policy: 'abort',
    timeoutMs: 10_000,
    result: handlers,
    doc: 'Once, before the API listens; returns the routes that are served: add, drop or wrap.',
  }),
  'api.preRequest': each<[call: Readonly<ApiCall>]>({
    policy: 'abort',
    timeoutMs: 5_000,
    doc: 'Before a request is handled; throw `forbidden(...)` or another kind to refuse it.',
  }),
  'api.postResponse': each<[call: Readonly<ApiCall>, result: ApiResult]>({
    policy: 'log',
    timeoutMs: 5_000,
    doc: 'After a request was answered.',
  }),
} as const;

/** Name of a hook point, `kind.method`. */
export type PointName = keyof typeof points;
/** Kind of plugin: the part before the dot. */
export type PluginKind = PointName extends `${infer Kind}.${string}` ? Kind : never;

/** Points of one mode. */
export type PointOfMode<Mode extends PointMode> = {
  [P in PointName]: (typeof points)[P]['mode'] extends Mode ? P : never;
}[PointName];
/** Arguments of a point, without the trailing context. */
export type ArgsOf<P extends PointName> = NonNullable<(typeof points)[P]['types']>['args'];
/** What one plugin's method of a point returns. */
export type ResultOf<P extends PointName> = NonNullable<(typeof points)[P]['types']>['result'];

/** All names, in order of the table. */
export const pointNames = Object.keys(points) as PointName[]; // the keys of a const table

/** The kinds, in order of the table. */
export const pluginKinds = [...new Set(pointNames.map((name) => kindOfPoint(name)))];

/** `container` of `container.preCreate`. */
export function kindOfPoint(point: PointName): PluginKind {
  return point.slice(0, point.indexOf('.')) as PluginKind; // by the form of the names
}

/** `preCreate` of `container.preCreate`. */
export function methodOfPoint(point: PointName): string {
  return point.slice(point.indexOf('.') + 1);
}
