import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as api from '../../../hookplugins/index.ts';
import { pluginKinds, pointNames, points } from '../../../hookplugins/points.ts';
import { collectRegistrations } from '../../../hookplugins/registry.ts';
import { rejects } from '../../helpers/rejects.ts';

const inPackage = (name: string, body: () => void) =>
  collectRegistrations(() => void api.withPackage({ name, version: '1.0.0' }, body));

test('each kind has its register function and its registration type', async () => {
  const functions: Record<string, (plugin: never) => void> = {
    daemon: api.registerDaemonPlugin,
    container: api.registerContainerPlugin,
    exec: api.registerExecPlugin,
    image: api.registerImagePlugin,
    volume: api.registerVolumePlugin,
    network: api.registerNetworkPlugin,
    cri: api.registerCriPlugin,
    api: api.registerAPIPlugin,
  };
  assert.equal(Object.keys(functions).toSorted(), pluginKinds.toSorted());
  for (const [kind, registerPlugin] of Object.entries(functions)) {
    const names = pointNames.filter((name) => name.startsWith(`${kind}.`)).map((name) => name.split('.')[1] as string);
    const plugin = Object.fromEntries(names.map((name) => [name, () => {}]));
    const [made] = await inPackage('pkg', () => registerPlugin(plugin as never));
    assert.is(made?.type, `io.pouchd.hook.${kind}.v1`);
    assert.is(made?.initFn({} as never), plugin);
  }
});

test('the eleven points of Pouch have their names, modes and places', () => {
  const eleven = [
    'daemon.preStartHook each',
    'daemon.preStopHook each',
    'container.preCreate each',
    'container.preStart collect',
    'container.preCreateEndpoint each',
    'container.preUpdate chain',
    'container.postUpdate each',
    'volume.preVolumeCreate each',
    'cri.preCreateContainer each',
    'api.updateHandler chain',
    'image.postPull each',
  ];
  const table = pointNames.map((name) => `${name} ${points[name].mode}`);
  assert.equal(
    eleven.filter((row) => !table.includes(row)),
    [],
  );
});

test('every row has a sentence, a limit and a policy, and a check where a result is wanted', () => {
  for (const name of pointNames) {
    const row = points[name];
    assert.match(row.doc, /^[A-Z].*\.$/, name);
    assert.ok(row.timeoutMs > 0 && (row.policy === 'abort' || row.policy === 'log'), name);
    assert.is(row.mode === 'each', row.result === undefined, name);
  }
});

test('the id defaults to the name of the package', async () => {
  const made = await inPackage('@acme/limits', () => {
    api.registerContainerPlugin({ preCreate() {} });
    api.registerContainerPlugin({ id: 'second', preCreate() {} });
  });
  assert.equal(
    made.map((one) => one.id),
    ['@acme/limits', 'second'],
  );
});

test('two plugins of one kind and id are refused naming both packages; of two kinds they are fine', async () => {
  const two = () => {
    api.withPackage({ name: 'one', version: '1.0.0' }, () => api.registerContainerPlugin({ id: 'x', preCreate() {} }));
    api.withPackage({ name: 'one', version: '1.0.0' }, () => api.registerVolumePlugin({ id: 'x', preVolumeCreate() {} }));
    api.withPackage({ name: 'two', version: '2.0.0' }, () => api.registerContainerPlugin({ id: 'x', preCreate() {} }));
  };
  await rejects(
    collectRegistrations(two),
    /io\.pouchd\.hook\.container\.v1\.x exists twice: of package one@1\.0\.0 and of package two@2\.0\.0/,
  );
});

const refused: [string, unknown, RegExp][] = [
  ['nothing', null, /container plugin of package pkg@1\.0\.0 is not an object/],
  ['no method', {}, /container plugin pkg of package pkg@1\.0\.0 has none of preCreate, /],
  ['a misspelt method', { preCreat() {} }, /there is no hook container\.preCreat; the kind has preCreate, /],
  ['a method of another kind', { preVolumeCreate() {} }, /there is no hook container\.preVolumeCreate/],
  ['a hook that is no function', { preCreate: 7 }, /preCreate is not a function/],
  ['an unknown member', { preCreate() {}, priorty: 3 }, /unknown member priorty/],
];
for (const [what, plugin, message] of refused) {
  test(`a plugin with ${what} is refused`, async () => {
    await rejects(
      inPackage('pkg', () => api.registerContainerPlugin(plugin as never)),
      message,
    );
  });
}

test('an instance of a class is a plugin, with its inherited methods and its own state', async () => {
  class Base {
    calls = 0;
    preCreate() {
      this.calls += 1;
    }
  }
  class Derived extends Base {
    override preCreate() {
      super.preCreate();
    }
  }
  const [made] = await inPackage('pkg', () => api.registerContainerPlugin(new Derived()));
  assert.is(made?.id, 'pkg');
});

test('without package and id a plugin is refused', async () => {
  await rejects(
    collectRegistrations(() => api.registerDaemonPlugin({ preStartHook() {} })),
    /daemon plugin has no id and comes from no package/,
  );
});

test('a volume driver is registered under its name', async () => {
  const driver = {
    name: 'zfs',
    create() {},
    remove() {},
    get: () => undefined,
    list: () => [],
    mount: () => '/mnt',
    unmount() {},
  };
  const [made] = await inPackage('pkg', () => api.registerVolumeDriver(driver));
  assert.equal([made?.type, made?.id, made?.initFn({} as never)], ['io.pouchd.volumedriver.v1', 'zfs', driver]);
});

test('errors of plugin authors carry their kind', () => {
  const kinds = [api.invalidArgument('x'), api.forbidden('x'), api.notFound('x'), api.conflict('x')].map((error) => error.kind);
  assert.equal(kinds, ['invalidArgument', 'forbidden', 'notFound', 'conflict']);
});

test.run();
