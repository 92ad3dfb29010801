import { existsSync } from 'node:fs';
import { mkdtempDisposable, readFile, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import apiPackage from '../../../hookplugins/apiplugin/package.json' with { type: 'json' };
import containerPackage from '../../../hookplugins/containerplugin/package.json' with { type: 'json' };
import imagePackage from '../../../hookplugins/imageplugin/package.json' with { type: 'json' };
import type {
  ContainerCreateConfig,
  HandlerReply,
  HandlerSpec,
  HostConfig,
  VolumeCreateConfig,
} from '../../../hookplugins/index.ts';
import { runHook, testPlugin } from '../../../hookplugins/testing.ts';
import volumePackage from '../../../hookplugins/volumeplugin/package.json' with { type: 'json' };
import { rejects } from '../../helpers/rejects.ts';

const view = { Id: 'f00d', Name: 'web', Created: '', Image: 'sha256:1', Config: {}, HostConfig: {} };
const scratch = () => mkdtempDisposable(join(tmpdir(), 'pouchd-plugin-'));

const create = (request: ContainerCreateConfig, config = {}) =>
  runHook(() => import('../../../hookplugins/containerplugin/index.ts'), {
    point: 'container.preCreate',
    args: [request],
    config,
    package: containerPackage,
  });

const limits: [string, string[], HostConfig, Record<string, unknown>, HostConfig][] = [
  [
    'sizes, CPUs and lists',
    ['SCHED_MEMORY=1.5g', 'SCHED_CPUS=0.5', 'SCHED_CPUSET=0-1,3', 'SCHED_PIDS=100'],
    {},
    {},
    { Memory: 1610612736, NanoCpus: 5e8, CpusetCpus: '0-1,3', PidsLimit: 100 },
  ],
  ['other variables and empty ones are left alone', ['PATH=/bin', 'SCHED_MEMORY=', 'SCHED_CPUS'], {}, {}, {}],
  ['what the request says stays', ['SCHED_MEMORY=1g'], { Memory: 7 }, {}, { Memory: 7 }],
  ['unless the variable is to win', ['SCHED_MEMORY=1k'], { Memory: 7 }, { override: true }, { Memory: 1024 }],
  ['the last of several wins, as in a shell', ['SCHED_MEMORY=1k', 'SCHED_MEMORY=2k'], {}, {}, { Memory: 2048 }],
  [
    'own variables take the place of the built-in ones',
    ['MEM=5m', 'SCHED_MEMORY=1g'],
    {},
    { variables: { MEM: 'Memory' } },
    { Memory: 5242880 },
  ],
  ['names that every object has are no variables', ['constructor=1', '__proto__=2'], {}, {}, {}],
];
for (const [what, Env, HostConfig, config, expected] of limits) {
  test(`containerplugin: ${what}`, async () => {
    const { args } = await create({ Env, HostConfig }, config);
    assert.equal(args[0].HostConfig, expected);
    assert.equal(args[0].Env, Env);
  });
}

test('containerplugin: a value that cannot be read is refused, naming the variable', async () => {
  for (const [line, text] of [
    ['SCHED_MEMORY=lots', /SCHED_MEMORY=lots is not a size such as 512m/],
    ['SCHED_CPUSET=0-', /SCHED_CPUSET=0- is not a list of CPUs/],
    ['SCHED_CPUS=-1', /SCHED_CPUS=-1 is not a number of CPUs/],
  ] as const) {
    assert.is((await rejects(create({ Env: [line] }), text)).kind, 'invalidArgument');
  }
});

test('containerplugin: variables can be taken out of the environment', async () => {
  const { args } = await create({ Env: ['A=1', 'SCHED_PIDS=5', 'B=2'] }, { keepVariables: false });
  assert.equal(args[0].Env, ['A=1', 'B=2']);
});

test('containerplugin: entries of the configuration and a touch of priority -4, whose file goes with the container', async () => {
  await using dir = await scratch();
  const config = {
    touch: join(dir.path, 'started', '{id}'),
    entries: [{ priority: 10, path: '/bin/before', args: ['{id}', '{name}'] }],
  };
  const plugin = await testPlugin(() => import('../../../hookplugins/containerplugin/index.ts'), {
    config,
    package: containerPackage,
  });
  const file = join(dir.path, 'started', 'f00d');
  assert.equal(await plugin.call('container.preStart', view), [
    { priority: 10, path: '/bin/before', args: ['/bin/before', 'f00d', 'web'] },
    { priority: -4, path: '/usr/bin/touch', args: ['touch', file] },
  ]);
  assert.ok((await stat(join(dir.path, 'started'))).isDirectory());
  await plugin.call('container.postDelete', view); // the file was never made: no error
});

test('containerplugin: no touch when it is null; a bad section is refused', async () => {
  const load = () => import('../../../hookplugins/containerplugin/index.ts');
  const plugin = await testPlugin(load, { config: { touch: null }, package: containerPackage });
  assert.equal(await plugin.call('container.preStart', view), []);
  await rejects(
    testPlugin(load, { config: { entries: [{ path: 'x' }] }, package: containerPackage }),
    /priority.*must match pattern/,
  );
});

const volumes: [string, VolumeCreateConfig, Record<string, unknown>, VolumeCreateConfig][] = [
  [
    'default driver',
    { Name: 'v' },
    { driver: 'ceph', drivers: { ceph: { options: { size: '1g' } } } },
    { Name: 'v', Driver: 'ceph', DriverOpts: { size: '1g' } },
  ],
  [
    'options of local for a volume without driver',
    { Name: 'v' },
    { drivers: { local: { options: { type: 'tmpfs' } } } },
    { Name: 'v', DriverOpts: { type: 'tmpfs' } },
  ],
  [
    'options of the request stand alone',
    { DriverOpts: { o: 'x' } },
    { drivers: { local: { options: { type: 'tmpfs' } } } },
    { DriverOpts: { o: 'x' } },
  ],
  [
    'or are merged',
    { DriverOpts: { o: 'x' } },
    { merge: true, drivers: { local: { options: { type: 'tmpfs', o: 'y' } } } },
    { DriverOpts: { type: 'tmpfs', o: 'x' } },
  ],
  [
    'labels, the nearer winning',
    { Labels: { a: '1' } },
    { labels: { a: '3', b: '3', c: '3' }, drivers: { local: { labels: { a: '2', b: '2' } } } },
    { Labels: { a: '1', b: '2', c: '3' } },
  ],
  ['nothing configured', { Name: 'v' }, {}, { Name: 'v' }],
];
for (const [what, request, config, expected] of volumes) {
  test(`volumeplugin: ${what}`, async () => {
    const load = () => import('../../../hookplugins/volumeplugin/index.ts');
    const { args } = await runHook(load, { point: 'volume.preVolumeCreate', args: [request], config, package: volumePackage });
    assert.equal(args[0], expected);
  });
}

test('apiplugin: adds its route, wraps the configured ones with the header and leaves the rest', async () => {
  const calls: string[] = [];
  const spec = (path: string): HandlerSpec => ({ method: 'GET', path, handler: () => calls.push(path) });
  const load = () => import('../../../hookplugins/apiplugin/index.ts');
  const routes = [spec('/_ping'), spec('/info')];
  const { result } = await runHook(load, {
    point: 'api.updateHandler',
    args: [routes],
    config: { name: 'rack-3' },
    package: apiPackage,
  });
  const reply = { header: (name: string, value: string) => calls.push(`${name}: ${value}`) } as unknown as HandlerReply;
  for (const one of result.slice(0, 2)) one.handler({} as never, reply);
  assert.equal(calls, ['Pouchd-Node: rack-3', '/_ping', '/info']);
  const added = result[2];
  assert.equal([added?.method, added?.path], ['GET', '/node']);
  const answer = added?.handler({} as never, reply) as { Name: string } | undefined;
  assert.is(answer?.Name, 'rack-3');
});

test('apiplugin: a path that is a route already is refused', async () => {
  const load = () => import('../../../hookplugins/apiplugin/index.ts');
  const taken: HandlerSpec = { method: 'GET', path: '/info', handler() {} };
  await rejects(
    runHook(load, { point: 'api.updateHandler', args: [[taken]], config: { path: '/info' }, package: apiPackage }),
    /GET \/info is a route already/,
  );
});

test('imageplugin: each pull is a line, also of many at once, and a full file is turned', async () => {
  await using dir = await scratch();
  const file = join(dir.path, 'log', 'pulls.jsonl');
  const load = () => import('../../../hookplugins/imageplugin/index.ts');
  const plugin = await testPlugin(load, { config: { file, maxBytes: 150 }, package: imagePackage });
  await Promise.all(
    [1, 2, 3].map((n) => plugin.call('image.postPull', 'overlayfs', { name: `image:${n}`, digest: `sha256:${n}` })),
  );
  const lines = [
    ...(await readFile(`${file}.1`, 'utf8')).split('\n'),
    ...(await readFile(file, 'utf8').catch(() => '')).split('\n'),
  ].filter(Boolean);
  const rows = lines.map((line) => JSON.parse(line) as { name: string; snapshotter: string; time: string });
  assert.equal(
    rows.map((row) => [row.name, row.snapshotter]),
    [
      ['image:1', 'overlayfs'],
      ['image:2', 'overlayfs'],
      ['image:3', 'overlayfs'],
    ],
  );
  assert.ok(rows.every((row) => !Number.isNaN(Date.parse(row.time))));
  assert.ok(existsSync(`${file}.1`));
});

test.run();
