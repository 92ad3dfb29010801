/** The layers of the registry: a door serves services, services use foundations. */
export type Layer = 'door' | 'service' | 'foundation' | 'hook';

/**
 * Every type of registration that the daemon knows, by short name. The first twelve are containerd's, under our name; the rest are the daemon's own
 * rooms and the hook plugins. A plugin may register a type that is not listed, spelled the same way.
 */
export const types = {
  internal: 'io.pouchd.internal.v1',
  runtime: 'io.pouchd.runtime.v1',
  runtimeV2: 'io.pouchd.runtime.v2',
  service: 'io.pouchd.service.v1',
  grpc: 'io.pouchd.grpc.v1',
  snapshotter: 'io.pouchd.snapshotter.v1',
  monitor: 'io.pouchd.monitor.v1',
  differ: 'io.pouchd.differ.v1',
  metadata: 'io.pouchd.metadata.v1',
  content: 'io.pouchd.content.v1',
  gc: 'io.pouchd.gc.v1',
  event: 'io.pouchd.event.v1',

  config: 'io.pouchd.config.v1',
  log: 'io.pouchd.log.v1',
  store: 'io.pouchd.store.v1',
  ctrd: 'io.pouchd.ctrd.v1',
  hooks: 'io.pouchd.hooks.v1',
  remote: 'io.pouchd.remote.v1',
  image: 'io.pouchd.image.v1',
  volume: 'io.pouchd.volume.v1',
  volumeDriver: 'io.pouchd.volumedriver.v1',
  network: 'io.pouchd.network.v1',
  networkDriver: 'io.pouchd.networkdriver.v1',
  ociHooks: 'io.pouchd.ocihooks.v1',
  spec: 'io.pouchd.spec.v1',
  stdio: 'io.pouchd.stdio.v1',
  logDriver: 'io.pouchd.logdriver.v1',
  streamProcessor: 'io.pouchd.streamprocessor.v1',
  container: 'io.pouchd.container.v1',
  api: 'io.pouchd.api.v1',
  apiRoutes: 'io.pouchd.apiroutes.v1',
  cri: 'io.pouchd.cri.v1',

  hookDaemon: 'io.pouchd.hook.daemon.v1',
  hookContainer: 'io.pouchd.hook.container.v1',
  hookVolume: 'io.pouchd.hook.volume.v1',
  hookCri: 'io.pouchd.hook.cri.v1',
  hookApi: 'io.pouchd.hook.api.v1',
  hookImage: 'io.pouchd.hook.image.v1',
  hookNetwork: 'io.pouchd.hook.network.v1',
  hookExec: 'io.pouchd.hook.exec.v1',
} as const;

/** Short name of a registration type. */
export type TypeName = keyof typeof types;

const doors = new Set<string>([types.grpc, types.api, types.apiRoutes, types.cri]);
const services = new Set<string>([
  types.service,
  types.image,
  types.volume,
  types.network,
  types.container,
  types.ociHooks,
  types.spec,
  types.stdio,
]);

/** The layer of a registration type; a type of a plugin's own is a foundation. */
export function layerOf(type: string): Layer {
  if (type.startsWith('io.pouchd.hook.')) return 'hook';
  if (doors.has(type)) return 'door';
  return services.has(type) ? 'service' : 'foundation';
}
