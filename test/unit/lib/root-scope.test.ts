import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { resolveInRoot } from '../../../daemon/lib/root-scope.ts';
import { rejects } from '../../helpers/rejects.ts';

test('no link and no dots lead out of a root', async () => {
  const root = mkdtempSync(join(tmpdir(), 'pouchd-scope-'));
  try {
    mkdirSync(join(root, 'a/b'), { recursive: true });
    writeFileSync(join(root, 'a/b/f'), '');
    symlinkSync('/a/b', join(root, 'absolute'));
    symlinkSync('../../../../a', join(root, 'a/up'));
    symlinkSync('loop', join(root, 'loop'));
    const rows: [string, string][] = [
      ['a/b/f', 'a/b/f'],
      ['/a//./b/../b/f', 'a/b/f'],
      ['../../etc/passwd', 'etc/passwd'],
      ['absolute/f', 'a/b/f'],
      ['a/up/b', 'a/b'],
      ['absolute/../..', ''],
      ['new/file', 'new/file'],
    ];
    const resolved = await Promise.all(rows.map(async ([path]) => [path, await resolveInRoot(root, path)]));
    assert.equal(
      resolved,
      rows.map(([path, inside]) => [path, join(root, inside)]),
    );
    await rejects(resolveInRoot(root, 'loop/x'), /too many levels of symbolic links/);
  } finally {
    rmSync(root, { recursive: true });
  }
});

test.run();
