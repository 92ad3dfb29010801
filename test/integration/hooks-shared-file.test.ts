// `hack/module --build-shared` makes plugin files, of packages of today and of the first version; the daemon's loader takes what it made.
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadPluginFile } from '../../daemon/hooks/load-file.ts';
import { ok, pluginPackage, scratchBuilder } from '../helpers/builder.ts';
import { hooksOf } from '../helpers/hooks.ts';

test('a file of a first-version package, and one of a package of today with its config schema, are made and loaded', async () => {
  await using scratch = scratchBuilder();
  const old = scratch.write('old', {
    'package.json': pluginPackage('old'),
    'index.ts': `export const DaemonPlugin = { PreStartHook(): void {}, PreStopHook(): void {} };
export const ContainerPlugin = { PreStart: (): unknown => [[7], [['/bin/true', 'true']]] };\n`,
  });
  const make = async (source: string, name: string): Promise<string> => {
    const output = path.join(scratch.dir, `${name}.cjs`);
    ok(await scratch.module(`--build-shared=${source}`, `--output=${output}`));
    return output;
  };
  const files = [await make(old, 'old'), await make('hookplugins/containerplugin', 'containerplugin')];
  const hooks = await hooksOf(() => void files.map(loadPluginFile), {
    plugins: { containerplugin: { touch: null, entries: [{ priority: 9, path: '/bin/nine' }] } },
  });
  const view = { Id: 'c', Name: 'web', Created: '', Image: '', Config: {}, HostConfig: {} };
  const entries = (await hooks.collect('container.preStart', view)).flatMap(({ plugin, value }) =>
    value.map((one) => [plugin.id, one.priority, one.path]),
  );
  assert.equal(entries, [
    ['old', 7, '/bin/true'],
    ['containerplugin', 9, '/bin/nine'],
  ]);
  const config = { Env: ['SCHED_MEMORY=1m'], HostConfig: {} };
  await hooks.run('container.preCreate', config); // keepVariables comes from the schema in the first line
  assert.equal(config, { Env: ['SCHED_MEMORY=1m'], HostConfig: { Memory: 1048576 } });
});

test('a first-version package cannot be compiled in, and is told what to do', async () => {
  await using scratch = scratchBuilder();
  const old = scratch.write('old', {
    'package.json': pluginPackage('old'),
    'index.ts': 'export const DaemonPlugin = {};\nexport const ContainerPlugin = {};\n',
  });
  const refused = await scratch.module(`--add-plugin=${old}`);
  assert.is(refused.code, 1);
  assert.match(
    refused.out,
    /it is of Pouch's first version, whose plugins export DaemonPlugin and ContainerPlugin[\s\S]*hack\/module --build-shared/,
  );
});

test.run();
