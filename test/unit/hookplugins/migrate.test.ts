import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { initAll } from '../../../hookplugins/init.ts';
import { migrateSections } from '../../../hookplugins/migrate.ts';
import { checked } from '../../../hookplugins/registry.ts';
import { recordingLog } from '../../helpers/recording-log.ts';
import { rejects } from '../../helpers/rejects.ts';

const type = 'io.pouchd.a.v1';
const part = checked(
  {
    type,
    id: 'x',
    configMigration(section, from) {
      if (section['bad']) throw new Error('no way');
      return from === 1 ? { sizes: [section['size']] } : { ...section, unit: 'b' };
    },
    initFn: (ctx) => ctx.config,
  },
  { name: 'test', version: '' },
  [],
);
const plain = checked({ type, id: 'y', initFn: () => 1 }, { name: 'test', version: '' }, []);

test('sections of an older version go through each step of their registration; others stay', () => {
  const sections = { [`${type}.x`]: { size: 3 }, [`${type}.y`]: { as: 'is' }, unknown: { as: 'is' } };
  assert.equal(migrateSections([part, plain], sections, 1, 3), { ...sections, [`${type}.x`]: { sizes: [3], unit: 'b' } });
  assert.equal(migrateSections([part], sections, 2, 3)[`${type}.x`], { size: 3, unit: 'b' });
  assert.equal(migrateSections([part], sections, 3, 3), sections);
  assert.equal(sections[`${type}.x`], { size: 3 });
});

test('a newer version, none at all, and a migration that fails are refused', async () => {
  await rejects(() => migrateSections([], {}, 4, 3), /config version 4 is newer than 3, the newest that this pouchd reads/);
  await rejects(() => migrateSections([], {}, 0, 3), /config version 0 is no version/);
  const failing = () => migrateSections([part], { [`${type}.x`]: { bad: true } }, 1, 2);
  await rejects(failing, /config of plugin io\.pouchd\.a\.v1\.x cannot be brought from version 1 to 2: no way/);
});

test('the start is refused for a configuration of a newer version', async () => {
  await rejects(
    initAll([part], { root: '/nowhere', state: '/nowhere', log: recordingLog(), configVersion: 99 }),
    /config version 99 is newer/,
  );
});

test.run();
