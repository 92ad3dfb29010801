import { chmod, mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadPluginFile } from '../../../daemon/hooks/load-file.ts';
import { apiVersion } from '../../../hookplugins/registry.ts';
import { hooksOf } from '../../helpers/hooks.ts';
import { rejects } from '../../helpers/rejects.ts';

const line = (more: object = {}) =>
  `/*! pouchd-plugin ${JSON.stringify({ apiVersion, name: 'old', version: '1.2.3', ...more })} */\n`;
const container = { Id: 'c1', Name: 'web', Created: '', Image: '', Config: {}, HostConfig: {} };

async function withFile(content: string, body: (file: string) => Promise<void>): Promise<void> {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'pouchd-file-'));
  const file = join(dir.path, 'plugin.so');
  await writeFile(file, content);
  await body(file);
}
const load = (file: string) => hooksOf(() => void loadPluginFile(file));

const firstVersion = `${line()}
const { Readable } = require('node:stream');
const seen = globalThis[Symbol.for('pouchd.test.first')] = [];
exports.DaemonPlugin = {
  PreStartHook() { seen.push('start'); },
  async PreStopHook() { seen.push('stop'); return new Error('stop failed'); },
};
exports.ContainerPlugin = {
  async PreCreate(stream) {
    let body = '';
    for await (const chunk of stream) body += chunk;
    const request = JSON.parse(body);
    request.Env = [...(request.Env ?? []), 'FIRST=1'];
    delete request.Dropped;
    return Readable.from([JSON.stringify(request)]);
  },
  PreStart(container) { return [[10, -4], [['/bin/echo', 'echo', container.Id], ['/bin/true', 'true']]]; },
  PreCreateEndpoint(id, env) { return { priority: env.length, disableResolver: true, genericParam: { id } }; },
};
`;

test('a file of the first version’s shape is loaded and its hooks fire in the places of today', async () => {
  await withFile(firstVersion, async (file) => {
    const hooks = await load(file);
    const seen = (globalThis as unknown as Record<symbol, string[]>)[Symbol.for('pouchd.test.first')];
    await hooks.run('daemon.preStartHook');
    await hooks.run('daemon.preStopHook'); // policy log: its returned error is told
    assert.equal(seen, ['start', 'stop']);
    assert.match(
      String(hooks.log.lines.at(-1)?.fields['error']),
      /plugin old \(old@1\.2\.3\) at daemon\.preStopHook: stop failed/,
    );
    const config = { Image: 'x', Env: ['A=1'], Dropped: true };
    await hooks.run('container.preCreate', config);
    assert.equal(config, { Image: 'x', Env: ['A=1', 'FIRST=1'] });
    const [collected] = await hooks.collect('container.preStart', container);
    assert.equal(collected?.value, [
      { priority: 10, path: '/bin/echo', args: ['echo', 'c1'] },
      { priority: -4, path: '/bin/true', args: ['true'] },
    ]);
    const endpoint = { network: 'bridge', settings: {}, priority: 0, disableResolver: false, genericParams: { kept: 1 } };
    await hooks.run('container.preCreateEndpoint', 'c1', ['A=1', 'B=2'], endpoint);
    assert.equal(endpoint, {
      network: 'bridge',
      settings: {},
      priority: 2,
      disableResolver: true,
      genericParams: { kept: 1, id: 'c1' },
    });
  });
});

const byHand: [string, string][] = [
  [
    'CommonJS',
    `exports.DaemonPlugin = { PreStartHook() { throw new Error('fired'); } }; exports.ContainerPlugin = { PreStart: () => [[], []] };`,
  ],
  [
    'an ES module',
    `export const DaemonPlugin = { PreStartHook() { throw new Error('fired'); } }; export const ContainerPlugin = { PreStart: () => [[], []] };`,
  ],
];
for (const [what, content] of byHand) {
  test(`a file of the first version’s shape that was written by hand needs no first line, as ${what}`, async () => {
    await using dir = await mkdtempDisposable(join(tmpdir(), 'pouchd-file-'));
    const file = join(dir.path, what === 'CommonJS' ? 'byhand.js' : 'byhand.mjs');
    await writeFile(file, content);
    const hooks = await load(file);
    await rejects(hooks.run('daemon.preStartHook'), /plugin byhand at daemon\.preStartHook: fired/);
    assert.equal(await hooks.collect('container.preStart', container), [
      { plugin: { id: 'byhand', package: 'byhand', version: '' }, value: [] },
    ]);
  });
}

const today: [string, () => string][] = [
  ['asks for the API by name', () => bundled('external')],
  ['brings its own copy of the API', () => bundled('bundled')],
];
for (const [what, make] of today) {
  test(`a file built from a package of today works as it is when it ${what}`, async () => {
    await withFile(line({ order: { priority: 3 } }) + make(), async (file) => {
      const hooks = await load(file);
      const config = { Env: [] as string[] };
      await hooks.run('container.preCreate', config);
      assert.equal(config.Env, ['SCHED_MEMORY=1m', 'TODAY=1']);
      assert.equal(hooks.order('container.preCreate'), [{ id: 'old', package: 'old', version: '1.2.3' }]);
      const error = await rejects(
        hooks.run('container.preCreate', { Image: 'evil' }),
        /plugin old \(old@1\.2\.3\) at container\.preCreate: not this one/,
      );
      assert.is(error.kind, 'forbidden');
    });
  });
}

/** The plugin as the builder makes it: one CommonJS file, the API left out or compiled in. */
function bundled(api: 'external' | 'bundled'): string {
  const contents = `import { forbidden, registerContainerPlugin } from '@pouchd/hookplugins';
    registerContainerPlugin({
      preCreate(config) {
        if (config.Image === 'evil') throw forbidden('not this one');
        config.Env = ['SCHED_MEMORY=1m', 'TODAY=1'];
      },
    });`;
  const external = api === 'external' ? ['@pouchd/hookplugins'] : [];
  const stdin = { contents, resolveDir: import.meta.dirname, loader: 'ts' as const };
  return (
    buildSync({ stdin, bundle: true, platform: 'node', format: 'cjs', keepNames: true, write: false, external }).outputFiles[0]
      ?.text ?? ''
  );
}

const refused: [string, string, RegExp][] = [
  [
    'for another plugin API',
    `${line({ apiVersion: 99 })}`,
    /plugin file .*plugin\.so was made for plugin API version 99, this pouchd has version 1/,
  ],
  [
    'without a first line that registers',
    `require('@pouchd/hookplugins').registerDaemonPlugin({ preStartHook() {} });`,
    /it carries no plugin-API version/,
  ],
  [
    'written by hand for another plugin API',
    `exports.apiVersion = 2;`,
    /was made for plugin API version 2, this pouchd has version 1/,
  ],
  ['with a damaged header', `/*! pouchd-plugin {"apiVersion":1,} */\n`, /has a damaged first line/],
  [
    'with half a header',
    `/*! pouchd-plugin {"apiVersion":1} */\n`,
    /damaged first line: apiVersion, name and version are wanted/,
  ],
  [
    'with neither symbol',
    `${line()}exports.x = 1;`,
    /registers nothing, and the symbol DaemonPlugin and the symbol ContainerPlugin is missing/,
  ],
  ['with one symbol', `${line()}exports.DaemonPlugin = { PreStartHook() {} };`, /the symbol ContainerPlugin is missing/],
  [
    'with a symbol of the wrong type',
    `${line()}exports.DaemonPlugin = 7; exports.ContainerPlugin = {};`,
    /symbol DaemonPlugin has the wrong type: number, expected an object/,
  ],
  [
    'with a method of the wrong type',
    `${line()}exports.DaemonPlugin = { PreStartHook() {} }; exports.ContainerPlugin = { PreStart: 'x' };`,
    /symbol ContainerPlugin\.PreStart has the wrong type: string, expected a function/,
  ],
  [
    'with an object of another shape',
    `${line()}exports.DaemonPlugin = { Start() {} }; exports.ContainerPlugin = {};`,
    /symbol DaemonPlugin has the wrong type: none of PreStartHook, PreStopHook/,
  ],
  ['that throws', `${line()}throw new Error('boom');`, /plugin package old@1\.2\.3 failed to load: boom/],
  ['that is no JavaScript', `${line()}this is not code`, /plugin package old@1\.2\.3 failed to load: Unexpected identifier/],
];
for (const [what, content, message] of refused) {
  test(`a file ${what} is refused`, async () => {
    await withFile(content, async (file) => {
      assert.is((await rejects(load(file), message)).kind, 'invalidArgument');
    });
  });
}

test('a file that is not there, or that anybody may write, is refused', async () => {
  await rejects(load('/nowhere/plugin.js'), /plugin file \/nowhere\/plugin\.js cannot be loaded: ENOENT/);
  await withFile(firstVersion, async (file) => {
    await chmod(file, 0o666);
    await rejects(load(file), /anybody may write it/);
  });
});

test('what a first-version plugin returns is checked', async () => {
  const body = `${line()}exports.DaemonPlugin = { PreStartHook() {} };
    let n = 0;
    exports.ContainerPlugin = {
      PreCreate: () => (n++ === 0 ? 7 : require('node:stream').Readable.from(['[1]'])),
      PreStart: (c) => [[1, 2], [['/bin/true', 'true']]],
    };`;
  await withFile(body, async (file) => {
    const hooks = await load(file);
    await rejects(hooks.run('container.preCreate', {}), /PreCreate returned no stream/);
    await rejects(hooks.run('container.preCreate', {}), /PreCreate returned a body that is no JSON object/);
    await rejects(hooks.collect('container.preStart', container), /PreStart returned 2 priorities for 1 programs/);
  });
});

test.run();
