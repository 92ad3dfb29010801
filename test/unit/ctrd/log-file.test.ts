import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { logTail, openLogFile, rotateLogFile } from '../../../daemon/ctrd/log-file.ts';

const limit = 8 * 1024 * 1024;

test('the log is appended to, moved aside when it is full, and rotated while it is being written', () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'pouchd-log-'));
  const log = path.join(dir, 'containerd.log');
  assert.is(logTail(log), '');
  const first = openLogFile(log);
  fs.writeSync(first, 'one\n');
  rotateLogFile(log);
  assert.is(logTail(log), 'one');
  fs.writeSync(first, Buffer.alloc(limit, 'x'));
  rotateLogFile(log);
  fs.writeSync(first, 'after the rotation\n');
  assert.is(fs.readFileSync(log, 'utf8'), 'after the rotation\n');
  assert.is(fs.statSync(`${log}.1`).size, limit + 4);

  fs.writeSync(first, Buffer.alloc(limit, 'y'));
  fs.closeSync(first);
  const second = openLogFile(log);
  fs.writeSync(second, 'last words\n');
  fs.closeSync(second);
  assert.is(fs.readFileSync(log, 'utf8'), 'last words\n');
  assert.is(logTail(`${log}.1`, 3), 'yyy');
  fs.rmSync(dir, { recursive: true });
});

test.run();
