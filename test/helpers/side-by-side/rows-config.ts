import type { Row } from './row.ts';

const made: Record<string, object> = {
  'of-env': { Image: 'busybox', Cmd: ['true'], Env: ['A=1', 'A=2', 'B', 'PATH=/x'] },
  'of-entrypoint': { Image: 'busybox', Cmd: [], Entrypoint: ['sh'] },
  'of-text': { Image: 'busybox', Cmd: 'true', Entrypoint: 'sh' },
  'of-empty-entrypoint': { Image: 'rich:v1', Entrypoint: [] },
  'of-image': {
    Image: 'rich:v1',
    Cmd: ['x'],
    Healthcheck: { Test: ['NONE'] },
    Labels: { a: 'c' },
    Volumes: { '/data': {}, '/other': {} },
    StopTimeout: 0,
  },
  'of-lower-case': { image: 'busybox', cmd: ['true'], hostconfig: { memory: 2 ** 25, binds: ['/usr:/u'] } },
  'of-nulls': { Image: 'busybox', Cmd: null, Env: null, Labels: null, HostConfig: { Binds: null, Mounts: null, CapAdd: null } },
  'of-empty-lists': {
    Image: 'busybox',
    Env: [],
    ExposedPorts: {},
    HostConfig: { Binds: [], Mounts: [], CapAdd: [], Dns: [], PortBindings: {}, Sysctls: {}, Tmpfs: {}, Ulimits: [] },
  },
  'of-devices': {
    Image: 'busybox',
    Unknown: 1,
    HostConfig: { Unknown: 2, Devices: [{ PathOnHost: '/dev/null' }], DeviceRequests: [{ Count: 0 }], BlkioWeightDevice: [] },
  },
  'of-host': { Image: 'busybox', HostConfig: { Privileged: true, PidMode: 'host', IpcMode: 'host', CgroupnsMode: 'host' } },
};

/** What becomes of a configuration: inspect tells it as Docker's does, whatever was left out, empty or odd. */
export const configRows: readonly Row[] = Object.entries(made).flatMap(([name, body]): Row[] => [
  ['POST', `/containers/create?name=${name}`, body],
  ['GET', `/containers/${name}/json`],
  ['DELETE', `/containers/${name}?v=1`],
]);
