// Plugin packages made outside the tree, one of each kind and one that registers four, compiled together into one executable: every point of the table is called on real containers, in
// the order that `pouchd plugins --order` tells.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { kindOfPoint, methodOfPoint, type PluginKind, pluginKinds, pointNames, points } from '../../hookplugins/points.ts';
import { built, ok, pluginPackage, scratchBuilder } from '../helpers/builder.ts';
import { startDaemon } from '../helpers/daemon.ts';
import { inOwnNamespaces } from '../helpers/namespaces.ts';
import { startRegistry } from '../helpers/registry.ts';
import { walkPoints } from '../helpers/walk-points.ts';

inOwnNamespaces(import.meta.filename);

const registerName = (kind: PluginKind) => `register${kind === 'api' ? 'API' : kind[0]?.toUpperCase() + kind.slice(1)}Plugin`;

/** TypeScript of a package that listens at every point of some kinds and writes each call down. */
function source(name: string, kinds: readonly PluginKind[], log: string): string {
  const method = (point: (typeof pointNames)[number]): string => {
    const call = `  async ${methodOfPoint(point)}(...args) {\n    record('${point}');`;
    const { mode } = points[point];
    return `${call}${mode === 'each' ? ' void args;' : mode === 'collect' ? ' void args; return [];' : ' return args[0];'}\n  },\n`;
  };
  const plugins = kinds.map(
    (kind) =>
      `${registerName(kind)}({\n${pointNames
        .filter((point) => point.startsWith(`${kind}.`))
        .map(method)
        .join('')}});\n`,
  );
  return `import { appendFileSync } from 'node:fs';
import { ${kinds.map(registerName).join(', ')} } from '@pouchd/hookplugins';

const record = (point: string): void => appendFileSync(${JSON.stringify(log)}, point + ' ${name}\\n');

${plugins.join('\n')}`;
}

test('a package of each kind and one of four kinds, compiled together: every point is called, in the order that is told', async () => {
  await using scratch = scratchBuilder({ daemon: 'real' });
  const log = path.join(scratch.dir, 'calls');
  writeFileSync(log, '');
  const names: string[] = [];
  const add = async (name: string, kinds: readonly PluginKind[], pouchd: object = {}): Promise<void> => {
    const folder = scratch.write(`packages/${name}`, {
      'package.json': pluginPackage(name, { pouchd: { title: name, kinds, ...pouchd } }),
      'index.ts': source(name, kinds, log),
    });
    names.push(`--add-plugin=${folder}`);
  };
  for (const kind of pluginKinds) await add(`of-${kind}`, [kind]);
  await add('of-four', ['container', 'image', 'volume', 'network'], { order: { before: ['of-container', 'of-image'] } });
  ok(await scratch.module(...names));
  await built(scratch);
  const bin = path.join(scratch.ctx.distDir, 'pouchd');
  const told = async (kind: PluginKind): Promise<string[]> => {
    const point = pointNames.find((one) => kindOfPoint(one) === kind) ?? '';
    return (JSON.parse(ok(await scratch.run(bin, ['plugins', '--order', point, '--json']))) as { id: string }[]).map(
      (one) => one.id,
    );
  };
  const order = new Map<PluginKind, string[]>();
  for (const kind of pluginKinds) order.set(kind, await told(kind));

  await using registry = await startRegistry();
  await using d = await startDaemon({ netns: false, bin, args: [`--insecure-registry=${registry.host}`] });
  const { calls, missing } = await walkPoints(d, registry.host, log);

  assert.equal(missing, []);
  assert.equal(order.get('container'), ['of-four', 'of-container']);
  for (const [point, called] of calls) {
    const names = order.get(kindOfPoint(point)) ?? [];
    if (kindOfPoint(point) === 'api') continue; // requests overlap
    assert.equal(called, Array.from({ length: called.length / names.length }, () => names).flat(), point);
  }
});

test.run();
