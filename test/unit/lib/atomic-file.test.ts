import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { writeFileAtomic, writeFileAtomicSync } from '../../../daemon/lib/atomic-file.ts';
import { rejects } from '../../helpers/rejects.ts';

test('a file is replaced whole, with its mode, and nothing else is left in the folder', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'atomic-'));
  try {
    const path = join(dir, 'f');
    await writeFileAtomic(path, 'one', { mode: 0o600 });
    writeFileAtomicSync(path, 'two', { mode: 0o600 });
    chmodSync(dir, 0o700);
    assert.equal([readFileSync(path, 'utf8'), statSync(path).mode & 0o777, readdirSync(dir)], ['two', 0o600, ['f']]);
    await rejects(writeFileAtomic(join(dir, 'no', 'f'), 'x'), 'ENOENT');
    assert.equal(readdirSync(dir), ['f']);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test.run();
