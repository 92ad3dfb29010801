import { existsSync } from 'node:fs';
import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { InitContext } from '../../../hookplugins/context.ts';
import { skipPlugin } from '../../../hookplugins/errors.ts';
import { type InitOptions, initAll } from '../../../hookplugins/init.ts';
import { checked, ownPackage, type Registration } from '../../../hookplugins/registry.ts';
import { pluginScope } from '../../../hookplugins/scope.ts';
import { recordingLog } from '../../helpers/recording-log.ts';
import { rejects } from '../../helpers/rejects.ts';

type Plain = Omit<Registration, 'initFn'> & { initFn(ctx: InitContext): unknown };

const start = (list: Plain[], options: Partial<InitOptions> = {}) => {
  const made = list.map((one) => checked(one, { name: 'test', version: '1' }, []));
  return initAll(made, { root: '/nowhere/root', state: '/nowhere/state', log: recordingLog(), ...options });
};
const boom = () => {
  throw new Error('boom');
};
const t = (name: string) => `io.pouchd.${name}.v1`;

test('instances come up in order, each seeing those before it, also when they are asynchronous', async () => {
  const seen: string[] = [];
  const set = await start([
    {
      type: t('top'),
      id: 'a',
      requires: [t('base')],
      initFn: (ctx) => seen.push(`top sees ${ctx.getSingle<string>(t('base'))}`),
    },
    { type: t('base'), id: 'b', initFn: () => Promise.resolve().then(() => `the base after ${seen.push('base')}`) },
  ]);
  assert.equal(seen, ['base', 'top sees the base after 1']);
  assert.equal(
    set.plugins.map((one) => [one.uri, one.status, one.package.name]),
    [
      ['io.pouchd.base.v1.b', 'ok', 'test'],
      ['io.pouchd.top.v1.a', 'ok', 'test'],
    ],
  );
});

test('a failure is kept with its registration and the others go on', async () => {
  const log = recordingLog();
  const set = await start(
    [
      { type: t('a'), id: 'x', initFn: boom },
      { type: t('b'), id: 'y', initFn: () => 'up' },
    ],
    { log },
  );
  assert.equal(
    set.plugins.map((one) => [one.status, one.error?.message]),
    [
      ['error', 'boom'],
      ['ok', undefined],
    ],
  );
  assert.equal(
    log.lines.map((line) => [line.level, line.message, line.fields['reason']]),
    [['warn', 'plugin failed to initialise', 'boom']],
  );
  await rejects(() => set.getSingle(t('a')), /^boom$/);
});

test('what is thrown may be anything', async () => {
  const set = await start([
    {
      type: t('a'),
      id: 'x',
      initFn: () => Promise.reject('text'),
    },
  ]);
  assert.is(set.plugins[0]?.error?.message, 'text');
});

test('a skip is told at info and is not a failure, also as the cause of another error', async () => {
  const log = recordingLog();
  const skip = () => {
    throw new Error('wrapped', { cause: skipPlugin('no overlayfs here') });
  };
  const set = await start(
    [
      { type: t('a'), id: 'x', initFn: () => Promise.reject(skipPlugin('not today')) },
      { type: t('a'), id: 'y', initFn: skip },
    ],
    { log },
  );
  assert.equal(
    set.plugins.map((one) => one.status),
    ['skip', 'skip'],
  );
  assert.equal(
    log.lines.map((line) => [line.level, line.message]),
    [
      ['info', 'plugin skipped'],
      ['info', 'plugin skipped'],
    ],
  );
});

const fatal: [string, Plain[], Partial<InitOptions>, RegExp][] = [
  [
    'a required one that fails',
    [{ type: t('a'), id: 'x', initFn: boom }],
    { required: [`${t('a')}.x`] },
    /required plugin io\.pouchd\.a\.v1\.x failed: boom/,
  ],
  [
    'one that says itself that it is required',
    [{ type: t('a'), id: 'x', required: true, initFn: boom }],
    {},
    /required plugin io\.pouchd\.a\.v1\.x failed: boom/,
  ],
  [
    'a required one that is skipped',
    [{ type: t('a'), id: 'x', initFn: () => Promise.reject(skipPlugin('no')) }],
    { required: [`${t('a')}.x`] },
    /required plugin io\.pouchd\.a\.v1\.x failed: no/,
  ],
  ['a required one that is not there', [], { required: [`${t('a')}.x`] }, /required plugins not included: io\.pouchd\.a\.v1\.x/],
  [
    'a required one that is disabled',
    [{ type: t('a'), id: 'x', initFn: () => 1 }],
    { required: [`${t('a')}.x`], disabled: [`${t('a')}.x`] },
    /required plugins not included: io\.pouchd\.a\.v1\.x/,
  ],
  ['a required name that is no URI', [], { required: ['local'] }, /not a plugin URI .*: local/],
  [
    'one that fails after it asked to be waited for',
    [
      {
        type: t('a'),
        id: 'x',
        initFn(ctx) {
          ctx.ready();
          boom();
        },
      },
    ],
    {},
    /plugin io\.pouchd\.a\.v1\.x failed after it had asked to be waited for: boom/,
  ],
  [
    'a config section of the wrong type',
    [
      {
        type: t('a'),
        id: 'x',
        config: { schema: { type: 'object', properties: { size: { type: 'number' } } } },
        initFn: () => 1,
      },
    ],
    { config: { [`${t('a')}.x`]: { size: 'big' } } },
    /config of plugin io\.pouchd\.a\.v1\.x is not valid: config\/size must be number/,
  ],
];
for (const [what, list, options, message] of fatal) {
  test(`the start is refused for ${what}`, async () => {
    await rejects(start(list, options), message);
  });
}

test('a fatal error closes what was up, in reverse', async () => {
  const closed: string[] = [];
  const up = (id: string): Plain => ({ type: t('a'), id, initFn: () => ({ close: () => closed.push(id) }) });
  await rejects(start([up('one'), up('two'), { type: t('b'), id: 'x', required: true, initFn: boom }]), /boom/);
  assert.equal(closed, ['two', 'one']);
});

test('closing runs in reverse order, once, past failures and past a close that never ends', async () => {
  const closed: string[] = [];
  const log = recordingLog();
  const set = await start(
    [
      {
        type: t('a'),
        id: 'first',
        initFn: () => ({ [Symbol.asyncDispose]: async () => closed.push('first'), close: () => closed.push('wrong') }),
      },
      { type: t('b'), id: 'stuck', initFn: () => ({ close: () => new Promise(() => {}) }) },
      { type: t('c'), id: 'bad', initFn: () => ({ close: boom }) },
      { type: t('d'), id: 'plain', initFn: () => 'nothing to close' },
      { type: t('e'), id: 'last', initFn: () => ({ [Symbol.dispose]: () => closed.push('last') }) },
    ],
    { log },
  );
  await Promise.all([set.close(20), set.close(20)]);
  assert.equal(closed, ['last', 'first']);
  assert.equal(
    log.lines.map((line) => [line.message, line.fields['uri'], line.fields['error']]),
    [
      ['plugin failed to close', 'io.pouchd.c.v1.bad', 'boom'],
      ['plugin failed to close', 'io.pouchd.b.v1.stuck', 'not closed within 20 ms'],
    ],
  );
});

test('the signal of the context is aborted when the daemon stops', async () => {
  const set = await start([{ type: t('a'), id: 'x', initFn: (ctx) => ctx.signal }]);
  const signal = set.getSingle<AbortSignal>(t('a'));
  assert.is(signal.aborted, false);
  await set.close();
  assert.is(signal.aborted, true);
});

test('ready resolves when all that asked have said so', async () => {
  const say: (() => void)[] = [];
  const set = await start(['x', 'y'].map((id) => ({ type: t('a'), id, initFn: (ctx: InitContext) => say.push(ctx.ready()) })));
  let isReady = false;
  const waiting = set.ready.then(() => {
    isReady = true;
  });
  say[0]?.();
  await new Promise((resolve) => setImmediate(resolve));
  assert.is(isReady, false);
  say[1]?.();
  await waiting;
});

test('look-ups: get, getById, getByType and getSingle tell none, several, skipped and failed apart', async () => {
  const set = await start([
    { type: t('one'), id: 'x', initFn: () => 'x' },
    { type: t('one'), id: 'gone', initFn: () => Promise.reject(skipPlugin('no')) },
    { type: t('two'), id: 'a', initFn: () => 'a' },
    { type: t('two'), id: 'b', initFn: () => 'b' },
    { type: t('bad'), id: 'x', initFn: boom },
    { type: t('bad'), id: 'y', initFn: () => 'y' },
  ]);
  assert.is(set.getSingle(t('one')), 'x');
  assert.equal(
    [...set.getByType(t('two'))],
    [
      ['a', 'a'],
      ['b', 'b'],
    ],
  );
  assert.equal([...set.getByType(t('one')).keys()], ['x']);
  assert.is(set.getById(t('two'), 'b'), 'b');
  assert.is(set.get(t('none')), undefined);
  assert.is(set.get(t('bad')), 'y');
  assert.is(set.getAll().length, 6);
  assert.is((await rejects(() => set.getSingle(t('none')), /no plugin of type io\.pouchd\.none\.v1/)).kind, 'notFound');
  assert.is((await rejects(() => set.getSingle(t('two')), /several plugins of type io\.pouchd\.two\.v1: a, b/)).kind, 'conflict');
  await rejects(() => set.getByType(t('bad')), /^boom$/);
  await rejects(() => set.getByType(t('none')), /no plugin of type/);
  await rejects(() => set.getById(t('bad'), 'x'), /^boom$/);
  await rejects(() => set.getById(t('two'), 'z'), /no plugin io\.pouchd\.two\.v1\.z/);
});

test('a registration sees only those before it', async () => {
  const set = await start([
    { type: t('a'), id: 'x', initFn: (ctx) => ctx.getSingle(t('b')) },
    { type: t('b'), id: 'y', initFn: () => 'y' },
  ]);
  assert.match(set.plugins[0]?.error?.message ?? '', /no plugin of type io\.pouchd\.b\.v1/);
});

test('directories are its own and are made when they are first read', async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'pouchd-init-'));
  const [root, state] = [join(dir.path, 'root'), join(dir.path, 'state')];
  const list: Plain[] = [
    { type: t('a'), id: 'reads', initFn: (ctx) => ctx.root },
    { type: t('a'), id: '@scope/name', initFn: (ctx) => ctx.state },
    { type: t('a'), id: 'ignores', initFn: (ctx) => ctx.base },
  ];
  const set = await start(list, { root, state });
  assert.equal(
    set.plugins.map((one) => one.instance),
    [join(root, 'io.pouchd.a.v1.reads'), join(state, 'io.pouchd.a.v1.@scope%2Fname'), { root, state }],
  );
  assert.ok(existsSync(join(root, 'io.pouchd.a.v1.reads')));
  assert.not(existsSync(join(root, 'io.pouchd.a.v1.ignores')));
});

test('config is laid over its defaults, checked, and unknown keys are told', async () => {
  const log = recordingLog();
  const config = {
    default: { size: 1, name: 'n' },
    schema: { type: 'object', properties: { size: { type: 'number' }, name: {}, deep: { default: 3 } } },
  };
  const list: Plain[] = ['given', 'none'].map((id) => ({ type: t('a'), id, config, initFn: (ctx) => ctx.config }));
  const set = await start(list, { log, config: { [`${t('a')}.given`]: { size: 2, typo: true } } });
  assert.equal(
    set.plugins.map((one) => one.instance),
    [
      { size: 2, name: 'n', typo: true, deep: 3 },
      { size: 1, name: 'n' },
    ],
  );
  assert.equal(
    log.lines.map((line) => [line.message, line.fields['keys']]),
    [['unknown config keys', ['typo']]],
  );
});

test('meta can be told by the registration and is kept when it fails', async () => {
  const set = await start([
    {
      type: t('a'),
      id: 'x',
      meta: { capabilities: ['first'] },
      initFn(ctx) {
        ctx.meta.platforms.push({ os: 'linux', architecture: 'amd64' });
        boom();
      },
    },
  ]);
  assert.equal(set.plugins[0]?.meta, {
    platforms: [{ os: 'linux', architecture: 'amd64' }],
    exports: {},
    capabilities: ['first'],
  });
});

test('a part of a plugin package runs in that plugin’s scope, a part of the daemon in nobody’s', async () => {
  const initFn = async () => {
    await Promise.resolve();
    return pluginScope.getStore();
  };
  const made = [ownPackage, { name: 'pkg', version: '1' }].map((owner) =>
    checked({ type: t('a'), id: owner.name, initFn }, owner, []),
  );
  const set = await initAll(made, { root: '/nowhere', state: '/nowhere', log: recordingLog() });
  assert.equal(
    set.plugins.map((one) => one.instance),
    [undefined, { plugin: { id: 'pkg', package: 'pkg', version: '1' }, point: 'init' }],
  );
});

test('an aborted start stops and closes', async () => {
  const stop = new AbortController();
  const closed: string[] = [];
  const list: Plain[] = [
    {
      type: t('a'),
      id: 'x',
      initFn() {
        stop.abort(new Error('stopped'));
        return { close: () => closed.push('x') };
      },
    },
    { type: t('b'), id: 'y', initFn: () => assert.unreachable() },
  ];
  await rejects(start(list, { signal: stop.signal }), /stopped/);
  assert.equal(closed, ['x']);
});

test.run();
