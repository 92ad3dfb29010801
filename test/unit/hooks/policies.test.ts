import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as api from '../../../hookplugins/index.ts';
import { hooksOf } from '../../helpers/hooks.ts';
import { recordingLog } from '../../helpers/recording-log.ts';
import { rejects } from '../../helpers/rejects.ts';

const schema = {
  type: 'object',
  properties: { colour: { type: 'string', default: 'blue' }, size: { type: 'number' } },
  additionalProperties: false,
};
const inPackage = (name: string, more: Partial<api.PluginPackage> = {}) => {
  const seen: unknown[] = [];
  const body = () => {
    api.registerContainerPlugin({
      preCreate(_config, ctx) {
        seen.push(ctx.config);
        if (ctx.config['colour'] === 'red') throw new Error('red');
      },
    });
  };
  return { seen, register: () => api.withPackage({ name, version: '1.0.0', ...more }, body) };
};

test('the section of a plugin is found by package, id and URI, the nearer one winning, and checked against the schema of its package', async () => {
  const plugin = inPackage('p', { configSchema: schema });
  const hooks = await hooksOf(plugin.register, {
    plugins: { p: { size: 1, colour: 'green' }, 'io.pouchd.hook.container.v1.p': { size: 2 } },
  });
  await hooks.run('container.preCreate', {});
  assert.equal(plugin.seen, [{ size: 2, colour: 'green' }]);
});

test('without a section the defaults of the schema are given', async () => {
  const plugin = inPackage('p', { configSchema: schema });
  const hooks = await hooksOf(plugin.register);
  await hooks.run('container.preCreate', {});
  assert.equal(plugin.seen, [{ colour: 'blue' }]);
});

test('a plugin cannot change its config for the next call', async () => {
  const plugin = inPackage('p');
  const hooks = await hooksOf(plugin.register, { plugins: { p: { size: 1 } } });
  await hooks.run('container.preCreate', {});
  assert.throws(() => Object.assign(plugin.seen[0] as object, { size: 2 }), /read only/);
});

const wrong: [string, unknown, RegExp][] = [
  ['a value of the wrong type', { size: 'big' }, /config of plugin p is not valid: config\/size must be number/],
  [
    'an unknown key that the schema refuses',
    { colr: 'red' },
    /config of plugin p is not valid: config must NOT have additional properties/,
  ],
  ['no object', ['x'], /config of plugin p is not valid: must be an object/],
  ['a bad time limit', { timeoutMs: 0 }, /timeoutMs must be a number of milliseconds from 1/],
  ['a bad policy', { onError: 'ignore' }, /onError must be "abort" or "log"/],
  ['a bad switch', { enabled: 'yes' }, /enabled must be true or false/],
];
for (const [what, section, message] of wrong) {
  test(`a section with ${what} stops the start; of an optional plugin it leaves the plugin out`, async () => {
    await rejects(hooksOf(inPackage('p', { configSchema: schema }).register, { plugins: { p: section } }), message);
    const hooks = await hooksOf(inPackage('p', { configSchema: schema, optional: true }).register, { plugins: { p: section } });
    assert.is(hooks.has('container.preCreate'), false);
    assert.match(hooks.plugins()[0]?.error ?? '', message);
  });
}

test('a required key that is not given is told even without a section', async () => {
  const configSchema = { type: 'object', required: ['size'], properties: { size: { type: 'number' } } };
  await rejects(hooksOf(inPackage('p', { configSchema }).register), /config must have required property 'size'/);
});

test('a section for a plugin that is not compiled in is told', async () => {
  const log = recordingLog();
  await hooksOf(inPackage('p').register, { plugins: { typo: {}, p: {}, 'io.pouchd.volume.v1.local': {} } }, log);
  assert.equal(
    log.lines.map((line) => [line.level, line.fields['plugins']]),
    [['warn', ['typo']]],
  );
});

test('enabled, onError and the config change on reload; figures go on', async () => {
  const plugin = inPackage('p', { configSchema: schema });
  const hooks = await hooksOf(plugin.register);
  await hooks.run('container.preCreate', {});
  await hooks.reload({ plugins: { p: { colour: 'red' } } });
  await rejects(hooks.run('container.preCreate', {}), /: red$/);
  await hooks.reload({ plugins: { p: { colour: 'red', onError: 'log' } } });
  await hooks.run('container.preCreate', {});
  await hooks.reload({ plugins: { p: { enabled: false } } });
  assert.is(hooks.has('container.preCreate'), false);
  await hooks.reload({});
  await hooks.run('container.preCreate', {});
  assert.equal([hooks.stats()[0]?.calls, hooks.stats()[0]?.failures], [4, 2]);
});

test('a reload that does not fit is refused and the old configuration stays', async () => {
  const plugin = inPackage('p', { configSchema: schema });
  const hooks = await hooksOf(plugin.register, { plugins: { p: { size: 1 } } });
  await rejects(hooks.reload({ plugins: { p: { size: 'big' } } }), /size must be number/);
  await hooks.run('container.preCreate', {});
  assert.equal(plugin.seen, [{ size: 1, colour: 'blue' }]);
});

test.run();
