import { nonEmpty, range, runtimeTable, shape } from './checks.ts';
import type { Option } from './option.ts';

/** Options: what containers are made with. */
export const containersOptions = [
  {
    key: 'snapshotter',
    kind: 'string',
    flag: 'snapshotter',
    value: 'NAME',
    default: 'overlayfs',
    check: nonEmpty,
    help: 'containerd snapshotter of images and containers',
  },
  {
    key: 'defaultRuntime',
    kind: 'string',
    flag: 'runtime',
    docker: 'default-runtime',
    value: 'NAME',
    default: 'runc',
    check: nonEmpty,
    help: 'runtime of containers that name none',
  },
  {
    key: 'runtimes',
    kind: 'json',
    docker: 'runtimes',
    default: { runc: { path: 'runc' }, crun: { path: 'crun' } },
    check: shape(runtimeTable),
    convert: dockerRuntimes,
    help: 'name -> { path, args }',
  },
  {
    key: 'cgroupParent',
    kind: 'string',
    flag: 'cgroup-parent',
    docker: 'cgroup-parent',
    value: 'PATH',
    default: '',
    help: 'parent cgroup of all containers',
  },
  {
    key: 'defaultShmSizeBytes',
    kind: 'bytes',
    flag: 'default-shm-size',
    docker: 'default-shm-size',
    value: 'SIZE',
    default: 64 << 20,
    check: range(1),
    help: 'size of /dev/shm in containers that name none',
  },
  {
    key: 'initPath',
    kind: 'string',
    flag: 'init-path',
    docker: 'init-path',
    value: 'FILE',
    default: '',
    help: 'init program of docker run --init; empty looks for tini and docker-init',
  },
  {
    key: 'logDriver',
    kind: 'string',
    flag: 'log-driver',
    docker: 'log-driver',
    value: 'NAME',
    default: 'json-file',
    check: nonEmpty,
    help: 'log driver of containers that name none',
  },
  {
    key: 'logOpts',
    kind: 'map',
    flag: 'log-opt',
    docker: 'log-opts',
    value: 'KEY=VALUE',
    default: {},
    help: 'option of that driver; repeatable',
  },
] as const satisfies readonly Option[];

/** Docker writes `runtimeArgs` where we write `args`. */
function dockerRuntimes(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value;
  const rows = Object.entries(value as Record<string, unknown>).map(([name, row]) => {
    if (row === null || typeof row !== 'object' || !('runtimeArgs' in row)) return [name, row];
    const { runtimeArgs, ...rest } = row;
    return [name, { ...rest, args: runtimeArgs }];
  });
  return Object.fromEntries(rows);
}
