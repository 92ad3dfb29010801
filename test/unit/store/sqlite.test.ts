import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openStore, schemaVersion } from '../../../daemon/store/sqlite.ts';
import { rejects } from '../../helpers/rejects.ts';

function withDir(work: (path: string) => void | Promise<void>) {
  return async () => {
    const dir = mkdtempSync(join(tmpdir(), 'store-'));
    try {
      await work(join(dir, 'deep', 'pouchd.db'));
    } finally {
      rmSync(dir, { recursive: true });
    }
  };
}

test(
  'rows come back as they were put, in order of id, also after the store was opened again',
  withDir((path) => {
    const store = openStore(path);
    store.put('volumes', 'b', { n: 1, text: 'ü"\u0000' });
    store.put('volumes', 'a', [1, null]);
    store.put('volumes', 'b', { n: 2 });
    store.put('networks', 'a', 'other table');
    store.delete('networks', 'nix');
    store.close();

    const again = openStore(path);
    assert.equal(again.all('volumes'), [
      { id: 'a', value: [1, null] },
      { id: 'b', value: { n: 2 } },
    ]);
    assert.equal([again.get('networks', 'a'), again.get('volumes', 'nix')], ['other table', undefined]);
    again.close();
  }),
);

test(
  'a transaction is one: a throw takes all of it back, also writes of an inner one',
  withDir(async (path) => {
    const store = openStore(path);
    store.transaction(() => store.put('meta', 'kept', 1));
    await rejects(
      () =>
        store.transaction(() => {
          store.put('meta', 'lost', 1);
          store.transaction(() => store.put('meta', 'inner', 1));
          throw new Error('no');
        }),
      'no',
    );
    store.transaction(() => store.put('meta', 'after', 1));
    assert.equal(
      store.all('meta').map((row) => row.id),
      ['after', 'kept'],
    );
    store.close();
  }),
);

test(
  'a database of a newer daemon and one that is none are refused by name',
  withDir(async (path) => {
    openStore(path).close();
    const database = new DatabaseSync(path);
    database.exec(`PRAGMA user_version = ${schemaVersion + 1}`);
    database.close();
    await rejects(() => openStore(path), new RegExp(`${path}.*schema version ${schemaVersion + 1}.*newer pouchd`));
    await rejects(() => openStore(join(path, '..')), "cannot open the daemon's database");
  }),
);

test.run();
