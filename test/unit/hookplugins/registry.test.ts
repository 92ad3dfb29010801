import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  checked,
  collectRegistrations,
  failedPackages,
  hookType,
  layerOf,
  packages,
  type RegisteredPlugin,
  type Registration,
  register,
  types,
  withPackage,
} from '../../../hookplugins/registry.ts';
import { rejects } from '../../helpers/rejects.ts';

const initFn = () => ({});
const withId = (type: string, id: string, requires: string[] = []): Registration => ({ type, id, requires, initFn });

const refused: [string, Registration[], RegExp][] = [
  ['no type', [withId('', 'a')], /registration of package pouchd has no type/],
  ['no id', [withId(types.store, '')], /registration of type io\.pouchd\.store\.v1 of package pouchd has no id/],
  [
    'a taken URI',
    [withId(types.store, 'a'), withId(types.store, 'a')],
    /io\.pouchd\.store\.v1\.a exists twice: of package pouchd and of package pouchd/,
  ],
  [
    '* beside others',
    [withId(types.store, 'a', ['*', types.config])],
    /io\.pouchd\.store\.v1\.a of package pouchd requires \* beside other types/,
  ],
  ['its own type', [withId(types.store, 'a', [types.store])], /io\.pouchd\.store\.v1\.a of package pouchd requires its own type/],
  [
    'no initFn',
    [{ type: types.store, id: 'a' } as unknown as Registration],
    /io\.pouchd\.store\.v1\.a of package pouchd has no initFn/,
  ],
];
for (const [what, list, message] of refused) {
  test(`a registration with ${what} is refused`, async () => {
    const error = await rejects(
      collectRegistrations(() => list.map((one) => register(one))),
      message,
    );
    assert.is(error.kind, 'invalidArgument');
  });
}

test('one id of two types, and a type with two ids, are different registrations', async () => {
  const made = await collectRegistrations(() => {
    for (const one of [withId(types.store, 'a'), withId(types.store, 'b'), withId(types.image, 'a')]) register(one);
  });
  assert.equal(
    made.map((one) => `${one.type}.${one.id}`),
    ['io.pouchd.store.v1.a', 'io.pouchd.store.v1.b', 'io.pouchd.image.v1.a'],
  );
});

test('a twin of another package is refused naming both packages', async () => {
  const [first] = await collectRegistrations(() => {
    withPackage({ name: 'one', version: '1.0.0' }, () => register(withId(types.store, 'a')));
  });
  const second = () => checked(withId(types.store, 'a'), { name: 'two', version: '2.0.0' }, [first as RegisteredPlugin]);
  await rejects(second, /exists twice: of package one@1\.0\.0 and of package two@2\.0\.0/);
});

test('registrations are attributed to the package being loaded, also while it loads asynchronously', async () => {
  const made = await collectRegistrations(async () => {
    register(withId(types.store, 'own'));
    withPackage({ name: 'one', version: '1.0.0' }, () => register(withId(types.store, 'sync')));
    await withPackage({ name: 'two', version: '2.0.0' }, async () => {
      await Promise.resolve();
      register(withId(types.store, 'async'));
    });
    register(withId(types.store, 'after'));
  });
  assert.equal(
    made.map((one) => [one.id, one.package.name]),
    [
      ['own', 'pouchd'],
      ['sync', 'one'],
      ['async', 'two'],
      ['after', 'pouchd'],
    ],
  );
});

test('a package that throws is named, and what it had registered is taken back', async () => {
  let error: Error | undefined;
  const made = await collectRegistrations(async () => {
    const load = () => {
      register(withId(types.store, 'half'));
      throw new Error('boom');
    };
    error = await rejects(
      () => withPackage({ name: 'bad', version: '1.0.0' }, load),
      /plugin package bad@1\.0\.0 failed to load: boom/,
    );
    register(withId(types.store, 'next'));
  });
  assert.is((error?.cause as Error | undefined)?.message, 'boom');
  assert.equal(
    made.map((one) => [one.id, one.package.name]),
    [['next', 'pouchd']],
  );
});

test('an optional package that throws is kept as failed and the rest goes on', async () => {
  await collectRegistrations(async () => {
    withPackage({ name: 'bad', version: '1.0.0', optional: true }, () => {
      throw new Error('boom');
    });
    await withPackage({ name: 'worse', version: '1.0.0', optional: true }, () => Promise.reject(new Error('later')));
    assert.equal(
      failedPackages().map((one) => one.error.message),
      ['plugin package bad@1.0.0 failed to load: boom', 'plugin package worse@1.0.0 failed to load: later'],
    );
    assert.equal(
      packages().map((one) => one.name),
      ['bad', 'worse'],
    );
  });
});

test('a registration cannot be changed after it was made, and keeps its own this', async () => {
  const source = {
    type: types.store,
    id: 'a',
    value: 7,
    initFn() {
      return this.value;
    },
  };
  const [made] = await collectRegistrations(() => register(source));
  assert.is(made?.initFn({} as never), 7);
  assert.throws(() => Object.assign(made as object, { id: 'b' }), /read only/);
});

test('containerd’s twelve types are there under our name, doors above services above foundations', () => {
  const twelve = [
    'internal.v1',
    'runtime.v1',
    'runtime.v2',
    'service.v1',
    'grpc.v1',
    'snapshotter.v1',
    'monitor.v1',
    'differ.v1',
    'metadata.v1',
    'content.v1',
    'gc.v1',
    'event.v1',
  ].map((name) => `io.pouchd.${name}`);
  const ours: string[] = Object.values(types);
  assert.equal(
    twelve.filter((type) => !ours.includes(type)),
    [],
  );
  assert.equal([types.grpc, types.service, types.content, hookType('image')].map(layerOf), [
    'door',
    'service',
    'foundation',
    'hook',
  ]);
  assert.is(new Set(ours).size, ours.length);
});

test.run();
