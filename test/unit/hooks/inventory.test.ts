import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { callOrder, inventory } from '../../../daemon/hooks/inventory.ts';
import * as api from '../../../hookplugins/index.ts';
import { collectRegistrations } from '../../../hookplugins/registry.ts';

test('what is compiled in is told by package, with kinds, points and order, and nothing is started', async () => {
  await collectRegistrations(() => {
    api.register({ type: api.types.store, id: 'own', initFn: () => assert.unreachable() });
    api.withPackage({ name: 'one', version: '1.0.0', title: 'First' }, () => {
      api.registerContainerPlugin({ postStart() {}, preCreate() {} });
      api.register({ type: api.types.logDriver, id: 'loki', initFn: () => assert.unreachable() });
    });
    api.withPackage({ name: 'two', version: '2.0.0', optional: true }, () => {
      throw new Error('boom');
    });
    api.withPackage({ name: 'three', version: '3.0.0' }, () => api.registerContainerPlugin({ before: ['one'], preCreate() {} }));
    const hook = 'io.pouchd.hook.container.v1';
    assert.equal(inventory(), [
      {
        name: 'one',
        version: '1.0.0',
        title: 'First',
        optional: false,
        plugins: [
          { uri: `${hook}.one`, id: 'one', kind: 'container', points: ['container.preCreate', 'container.postStart'] },
          { uri: 'io.pouchd.logdriver.v1.loki', id: 'loki' },
        ],
      },
      { name: 'two', version: '2.0.0', optional: true, plugins: [], error: 'plugin package two@2.0.0 failed to load: boom' },
      {
        name: 'three',
        version: '3.0.0',
        optional: false,
        plugins: [{ uri: `${hook}.three`, id: 'three', kind: 'container', points: ['container.preCreate'] }],
      },
    ]);
    assert.equal(
      callOrder('container.preCreate').map((one) => one.id),
      ['three', 'one'],
    );
    assert.equal(
      callOrder('container.postStart').map((one) => one.id),
      ['one'],
    );
  });
});

test.run();
