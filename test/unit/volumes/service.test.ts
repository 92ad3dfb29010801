import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { EventInput } from '../../../daemon/events/contract.ts';
import { silentLogger } from '../../../daemon/lib/log.ts';
import { openStore } from '../../../daemon/store/sqlite.ts';
import type { VolumeService } from '../../../daemon/volumes/contract.ts';
import { Drivers } from '../../../daemon/volumes/drivers.ts';
import { LocalDriver } from '../../../daemon/volumes/local-driver.ts';
import { createVolumes } from '../../../daemon/volumes/service.ts';
import { forbidden, registerVolumePlugin, type VolumeDriver } from '../../../hookplugins/index.ts';
import { hooksOf } from '../../helpers/hooks.ts';
import { rejects } from '../../helpers/rejects.ts';

interface Room extends Disposable {
  readonly dir: string;
  readonly volumes: VolumeService;
  readonly events: EventInput[];
  /** The same folders and store, as after a restart of the daemon. */
  reopened(): Promise<VolumeService>;
}

async function openRoom(options: { drivers?: VolumeDriver[]; plugins?: () => unknown } = {}): Promise<Room> {
  const dir = mkdtempSync(join(tmpdir(), 'volumes-'));
  const store = openStore(join(dir, 'db'));
  const events: EventInput[] = [];
  const hooks = await hooksOf(options.plugins ?? (() => undefined));
  const drivers = new Drivers(new Map((options.drivers ?? []).map((one) => [one.name, one])));
  const open = () =>
    createVolumes({
      local: new LocalDriver(join(dir, 'volumes')),
      drivers,
      store,
      events: { publish: (event) => void events.push(event) },
      hooks,
      log: silentLogger,
    });
  return {
    dir,
    volumes: open(),
    events,
    reopened: async () => open(),
    [Symbol.dispose]() {
      store.close();
      rmSync(dir, { recursive: true });
    },
  };
}

/** A driver that keeps its volumes in memory and writes down its calls. */
function memoryDriver(name: string): VolumeDriver & { calls: string[]; failing: boolean } {
  const all = new Map<string, Readonly<Record<string, string>>>();
  const driver = {
    name,
    scope: 'global' as const,
    calls: [] as string[],
    failing: false,
    create: (volume: string, options: Readonly<Record<string, string>>) => {
      driver.calls.push(`create ${volume} ${JSON.stringify(options)}`);
      if (driver.failing) throw new Error('no space');
      all.set(volume, options);
    },
    remove: (volume: string) => void all.delete(volume),
    get: (volume: string) =>
      all.has(volume) ? { name: volume, mountpoint: `/net/${volume}`, status: { fine: true } } : undefined,
    list: () => {
      if (driver.failing) throw new Error('server is gone');
      return [...all.keys()].map((volume) => ({ name: volume }));
    },
    mount: (volume: string, id: string) => {
      driver.calls.push(`mount ${volume} ${id}`);
      return `/net/${volume}`;
    },
    unmount: (volume: string, id: string) => void driver.calls.push(`unmount ${volume} ${id}`),
  };
  return driver;
}

const names = async (volumes: VolumeService, filters?: Record<string, string[]>) =>
  (await volumes.list(filters)).Volumes.map((one) => one.Name).sort();

test('a volume is made once, told as Docker tells it, and is there again after a restart', async () => {
  using room = await openRoom();
  const made = await room.volumes.create({ Name: 'data', Labels: { a: 'b' } });
  const again = await room.volumes.create({ Name: 'data', Labels: { other: 'x' } });
  assert.equal(again, made);
  assert.match(made.CreatedAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  const { CreatedAt: _, ...rest } = made;
  assert.equal(rest, {
    Driver: 'local',
    Labels: { a: 'b' },
    Mountpoint: join(room.dir, 'volumes/data/_data'),
    Name: 'data',
    Options: null,
    Scope: 'local',
  });
  assert.ok(statSync(made.Mountpoint).isDirectory());
  assert.equal(await (await room.reopened()).get('data'), made);
  assert.equal(
    room.events.map((one) => [one.action, one.id, one.attributes]),
    [['create', 'data', { driver: 'local' }]],
  );
});

test('without a name it is anonymous, and only such ones are pruned unless all are asked for', async () => {
  using room = await openRoom();
  const anonymous = await room.volumes.create({});
  assert.match(anonymous.Name, /^[0-9a-f]{64}$/);
  assert.equal(anonymous.Labels, { 'com.docker.volume.anonymous': '' });
  await room.volumes.create({ Name: 'named', Labels: { keep: '1' } });
  await room.volumes.create({ Name: 'used' });
  room.volumes.reference('used', 'c1');
  writeFileSync(join(anonymous.Mountpoint, 'f'), '12345');
  assert.equal(await room.volumes.prune(), { VolumesDeleted: [anonymous.Name], SpaceReclaimed: 5 });
  assert.equal(await room.volumes.prune({ all: ['true'], 'label!': ['keep'] }), { VolumesDeleted: [], SpaceReclaimed: 0 });
  assert.equal((await room.volumes.prune({ all: ['true'] })).VolumesDeleted, ['named']);
  await rejects(room.volumes.prune({ nix: ['x'] }), "invalid filter 'nix'");
});

test("names and options that Docker refuses are refused in Docker's words", async () => {
  using room = await openRoom();
  const cases: [object, RegExp][] = [
    [{ Name: 'x' }, /^create x: volume name is too short, names should be at least two alphanumeric characters$/],
    [
      { Name: 'a/b' },
      /^create a\/b: "a\/b" includes invalid characters for a local volume name, only "\[a-zA-Z0-9\]\[a-zA-Z0-9_\.-\]" are allowed/,
    ],
    [{ Name: '../up' }, /includes invalid characters/],
    [{ Name: 'ok', DriverOpts: { foo: '1' } }, /^create ok: invalid option: "foo"$/],
    [{ Name: 'ok', DriverOpts: { type: 'tmpfs' } }, /^create ok: missing required option: "device"$/],
    [{ Name: 'ok', Driver: 'nfs' }, /^create ok: error looking up volume plugin nfs: plugin "nfs" not found$/],
  ];
  for (const [request, text] of cases) await rejects(room.volumes.create(request), text);
  assert.equal([await names(room.volumes), readdirSync(join(room.dir, 'volumes'))], [[], []]);
  const missing = await rejects(room.volumes.get('nix'), 'get nix: no such volume');
  assert.is(missing.kind, 'notFound');
});

test('a volume that a container names stays; then it goes with all it holds', async () => {
  using room = await openRoom();
  const { Mountpoint } = await room.volumes.create({ Name: 'data' });
  writeFileSync(join(Mountpoint, 'f'), 'x');
  room.volumes.reference('data', 'c1');
  room.volumes.reference('data', 'c2');
  const busy = await rejects(room.volumes.remove('data', { force: true }), 'remove data: volume is in use - [c1, c2]');
  assert.is(busy.kind, 'conflict');
  room.volumes.release('data', 'c1');
  room.volumes.release('data', 'c2');
  await room.volumes.remove('data');
  assert.equal(
    [existsSync(Mountpoint), readdirSync(join(room.dir, 'volumes')), await names(await room.reopened())],
    [false, [], []],
  );
  await rejects(room.volumes.remove('data'), 'get data: no such volume');
  await room.volumes.remove('data', { force: true });
});

test('lists are filtered by name, label, driver and use', async () => {
  using room = await openRoom({ drivers: [memoryDriver('mem')] });
  await room.volumes.create({ Name: 'web-1', Labels: { tier: 'front' } });
  await room.volumes.create({ Name: 'web-2' });
  await room.volumes.create({ Name: 'db', Driver: 'mem' });
  room.volumes.reference('web-2', 'c');
  const cases: [Record<string, string[]>, string[]][] = [
    [{}, ['db', 'web-1', 'web-2']],
    [{ name: ['web'] }, ['web-1', 'web-2']],
    [{ label: ['tier=front'] }, ['web-1']],
    [{ driver: ['mem'] }, ['db']],
    [{ dangling: ['true'] }, ['db', 'web-1']],
    [{ dangling: ['false'] }, ['web-2']],
  ];
  for (const [filters, expected] of cases) assert.equal(await names(room.volumes, filters), expected, JSON.stringify(filters));
  await rejects(names(room.volumes, { size: ['1'] }), "invalid filter 'size'");
});

test('a volume is filled once, with modes and links, and never when it holds something', async () => {
  using room = await openRoom();
  const source = join(room.dir, 'image');
  mkdirSync(join(source, 'sub'), { recursive: true, mode: 0o750 });
  writeFileSync(join(source, 'sub/f'), 'from image', { mode: 0o640 });
  const { Mountpoint } = await room.volumes.create({ Name: 'data' });
  await room.volumes.populate('data', source);
  assert.equal(
    [
      readFileSync(join(Mountpoint, 'sub/f'), 'utf8'),
      statSync(join(Mountpoint, 'sub/f')).mode & 0o777,
      statSync(join(Mountpoint, 'sub')).mode & 0o777,
    ],
    ['from image', 0o640, 0o750],
  );
  writeFileSync(join(source, 'sub/f'), 'changed');
  await room.volumes.populate('data', source);
  assert.is(readFileSync(join(Mountpoint, 'sub/f'), 'utf8'), 'from image');
});

test('a compiled-in driver sees create, mount and unmount per container, and its failures are told', async () => {
  const driver = memoryDriver('mem');
  using room = await openRoom({ drivers: [driver] });
  const volume = await room.volumes.create({ Name: 'db', Driver: 'mem', DriverOpts: { size: '1' }, Labels: { a: 'b' } });
  assert.equal(
    [volume.Scope, volume.Mountpoint, volume.Status, volume.Options],
    ['global', '/net/db', { fine: true }, { size: '1' }],
  );
  assert.is(await room.volumes.mount('db', 'c1'), '/net/db');
  await room.volumes.mount('db', 'c2');
  await room.volumes.unmount('db', 'c1');
  await room.volumes.unmount('db', 'c1');
  assert.equal(driver.calls, ['create db {"size":"1"}', 'mount db c1', 'mount db c2', 'unmount db c1']);
  const other = await rejects(room.volumes.create({ Name: 'db', Driver: 'local' }), 'create db: volume name must be unique');
  assert.is(other.kind, 'conflict');

  driver.failing = true;
  await rejects(room.volumes.create({ Name: 'more', Driver: 'mem' }), 'create more: no space');
  assert.equal((await room.volumes.list()).Warnings, ['list volumes of driver mem: server is gone']);
  assert.equal(await names(await room.reopened()), []);
});

test('hooks may change what is asked for, and refuse create, mount and removal', async () => {
  const seen: string[] = [];
  using room = await openRoom({
    plugins: () =>
      registerVolumePlugin({
        id: 'guard',
        preVolumeCreate(config) {
          if (config.Name === 'bad') throw forbidden('not this one');
          config.Labels = { ...config.Labels, owner: 'guard' };
        },
        postCreate: (volume) => void seen.push(`created ${volume.Name}`),
        preMount(volume, container) {
          if (container === 'c9') throw forbidden('not there');
          seen.push(`mount ${volume.Name} ${container}`);
        },
        postUnmount: (volume, container) => void seen.push(`unmounted ${volume.Name} ${container}`),
        preDelete(volume) {
          if (volume.Name === 'kept') throw forbidden('stays');
        },
      }),
  });
  const refused = await rejects(room.volumes.create({ Name: 'bad' }), 'not this one');
  assert.is(refused.kind, 'forbidden');
  assert.equal((await room.volumes.create({ Name: 'kept' })).Labels, { owner: 'guard' });
  await room.volumes.mount('kept', 'c1');
  await room.volumes.unmount('kept', 'c1');
  await rejects(room.volumes.mount('kept', 'c9'), 'not there');
  await rejects(room.volumes.remove('kept'), 'stays');
  assert.equal([seen, await names(room.volumes)], [['created kept', 'mount kept c1', 'unmounted kept c1'], ['kept']]);
});

test('what a crash left half made or half removed is gone after a start; a folder with content becomes a volume', async () => {
  using room = await openRoom();
  await room.volumes.create({ Name: 'good' });
  const root = join(room.dir, 'volumes');
  mkdirSync(join(root, 'half/_data'), { recursive: true });
  mkdirSync(join(root, '.removing-abc/_data'), { recursive: true });
  mkdirSync(join(root, 'restored/_data'), { recursive: true });
  writeFileSync(join(root, 'restored/_data/f'), 'x');
  rmSync(join(root, 'good'), { recursive: true });
  assert.equal(await names(await room.reopened()), ['good', 'restored']);
  assert.equal(readdirSync(root).sort(), ['good', 'restored']);
});

test('usage tells bytes of files, each once, and how many containers name a volume', async () => {
  using room = await openRoom();
  const { Mountpoint } = await room.volumes.create({ Name: 'data' });
  mkdirSync(join(Mountpoint, 'a/b'), { recursive: true });
  writeFileSync(join(Mountpoint, 'a/b/f'), 'x'.repeat(1000));
  room.volumes.reference('data', 'c');
  assert.equal(
    (await room.volumes.usage()).map((one) => one.UsageData),
    [{ Size: 1000, RefCount: 1 }],
  );
});

test.run();
