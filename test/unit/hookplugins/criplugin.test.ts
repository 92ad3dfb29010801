import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import packageJson from '../../../hookplugins/criplugin/package.json' with { type: 'json' };
import type { ContainerCreateConfig } from '../../../hookplugins/index.ts';
import { testPlugin } from '../../../hookplugins/testing.ts';
import { rejects } from '../../helpers/rejects.ts';

const load = () => import('../../../hookplugins/criplugin/index.ts');
const pod = {
  id: 's',
  name: 'web-1',
  namespace: 'shop',
  uid: 'u1',
  attempt: 0,
  labels: { tier: 'front' },
  annotations: {},
  runtimeHandler: '',
};
const apply = async (policyFile: string, container: ContainerCreateConfig, config = {}) => {
  const plugin = await testPlugin(load, { config: { policyFile, ...config }, package: packageJson });
  await plugin.call('cri.preCreateContainer', container, pod);
  return container;
};

test('rules whose conditions hold add env and labels; what the container has stays', async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'pouchd-policy-'));
  const file = join(dir.path, 'policy.json');
  const rules = [
    { env: { POD: '{namespace}/{pod}', MINE: 'policy' }, labels: { uid: '{uid}', mine: 'policy' } },
    { namespaces: ['shop'], podLabels: { tier: 'front' }, env: { SHOP: '1' } },
    { namespaces: ['bank'], env: { BANK: '1' } },
    { podLabels: { tier: 'back' }, env: { BACK: '1' } },
    { runtimeHandlers: ['kata'], env: { KATA: '1' } },
  ];
  await writeFile(file, JSON.stringify({ rules }));
  assert.equal(await apply(file, { Env: ['MINE=container'], Labels: { mine: 'container' } }), {
    Env: ['MINE=container', 'POD=shop/web-1', 'SHOP=1'],
    Labels: { uid: 'u1', mine: 'container' },
  });
});

test('the file is read again when it changes', async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'pouchd-policy-'));
  const file = join(dir.path, 'policy.json');
  await writeFile(file, JSON.stringify({ rules: [{ env: { A: '1' } }] }));
  assert.equal((await apply(file, {})).Env, ['A=1']);
  await writeFile(file, JSON.stringify({ rules: [{ env: { A: '1', SECOND: '2' } }] }));
  assert.equal((await apply(file, {})).Env, ['A=1', 'SECOND=2']);
});

test('a policy that is none is named; a missing one is ignored or refuses, as configured', async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), 'pouchd-policy-'));
  const file = join(dir.path, 'policy.json');
  const bad: [string, RegExp][] = [
    ['{', /policy file .*policy\.json: not JSON/],
    ['[]', /`rules` must be an array/],
    ['{"rules":[7]}', /rule 0 is no object/],
    ['{"rules":[{"namespaces":"shop"}]}', /namespaces of rule 0 must be an array of text/],
    ['{"rules":[{},{"env":{"A":1}}]}', /env of rule 1 must be an object of text/],
  ];
  assert.equal(await apply(file, { Image: 'x' }), { Image: 'x' });
  assert.is((await rejects(apply(file, {}, { missing: 'refuse' }), /there is no policy file/)).kind, 'forbidden');
  for (const [content, message] of bad) {
    await writeFile(file, content);
    await rejects(apply(file, {}), message);
  }
});

test.run();
