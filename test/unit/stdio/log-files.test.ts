import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { silentLogger } from '../../../daemon/lib/log.ts';
import type { ContainerLog, LogEntry, LogReadOptions, LogRequest } from '../../../daemon/stdio/contract.ts';
import { createStdio } from '../../../daemon/stdio/service.ts';

async function folder(): Promise<{ dir: string } & AsyncDisposable> {
  const dir = await mkdtemp(join(tmpdir(), 'pouchd-log-'));
  return { dir, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) };
}

function requestIn(dir: string, type: string, config: Record<string, string> = {}, more: Partial<LogRequest> = {}): LogRequest {
  return {
    type,
    config,
    containerId: 'c'.repeat(64),
    containerName: 'web',
    imageId: `sha256:${'d'.repeat(64)}`,
    imageName: 'busybox:latest',
    labels: { team: 'core', tier: '1' },
    env: ['PATH=/bin', 'STAGE=dev', 'EMPTY='],
    createdAt: '2024-01-01T00:00:00Z',
    dir,
    ...more,
  };
}

const stdio = createStdio({ poolDir: join(tmpdir(), 'pouchd-unused-pool'), log: silentLogger });
const all = { stdout: true, stderr: true, follow: false } satisfies LogReadOptions;
const second = 1_000_000_000n;
const entry = (text: string, at: bigint, stream: LogEntry['stream'] = 'stdout'): LogEntry => ({
  stream,
  timeNano: at,
  line: Buffer.from(text),
});

async function linesOf(log: ContainerLog, options: Partial<LogReadOptions> = {}): Promise<string[]> {
  const lines: string[] = [];
  for await (const batch of log.read({ ...all, ...options })) lines.push(...batch.map(({ line }) => line.toString()));
  return lines;
}

test('json-file holds exactly what dockerd writes', async () => {
  await using temp = await folder();
  const log = await stdio.openLog(
    requestIn(temp.dir, 'json-file', { labels: 'team,none', env: 'STAGE', tag: '{{.Name}}/{{.ID}}' }),
  );
  log.write(entry('<a>&"q"\\\tx\u0001\r\n', 1_700_000_000_120_000_000n));
  log.write(entry('part', 1_700_000_001_000_000_000n, 'stderr'));
  await log.close();
  const attrs = `"attrs":{"STAGE":"dev","tag":"web/${'c'.repeat(12)}","team":"core"}`;
  assert.is(
    await readFile(log.path, 'utf8'),
    `{"log":"\\u003ca\\u003e\\u0026\\"q\\"\\\\\\u0009x\\u0001\\r\\n","stream":"stdout",${attrs},"time":"2023-11-14T22:13:20.12Z"}\n` +
      `{"log":"part","stream":"stderr",${attrs},"time":"2023-11-14T22:13:21Z"}\n`,
  );
  const read: LogEntry[] = [];
  for await (const batch of log.read(all)) read.push(...batch);
  assert.is(read[0]?.line.toString(), '<a>&"q"\\\tx\u0001\r\n');
  assert.is(read[0]?.timeNano, 1_700_000_000_120_000_000n);
  assert.equal(read[1], {
    ...read[1],
    stream: 'stderr',
    line: Buffer.from('part'),
    attrs: { STAGE: 'dev', tag: `web/${'c'.repeat(12)}`, team: 'core' },
  });
});

test('a block of lines is written as its lines are, one by one', async () => {
  await using temp = await folder();
  const cases = ['a\nb\n', '\n\n', 'ü\n€ <b>\t\n"\\\n', 'no newline', 'one\ntwo', '\u2028\u0007\n'];
  for (const [index, text] of cases.entries()) {
    const at = 1_700_000_000_999_999_999n; // the second changes within the block
    const one = await stdio.openLog(requestIn(join(temp.dir, `one-${index}`), 'json-file', { labels: 'team' }));
    const block = await stdio.openLog(requestIn(join(temp.dir, `block-${index}`), 'json-file', { labels: 'team' }));
    const lines = text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
    for (const [count, line] of lines.entries()) one.write(entry(line, at + BigInt(count)));
    assert.is(block.writeBlock?.(Buffer.from(text), { stream: 'stdout', timeNano: at }), lines.length);
    await Promise.all([one.close(), block.close()]);
    assert.is(await readFile(block.path, 'utf8'), await readFile(one.path, 'utf8'), JSON.stringify(text));
  }
});

for (const type of ['json-file', 'local']) {
  test(`${type}: tail, since, until and streams pick the right entries`, async () => {
    await using temp = await folder();
    const log = await stdio.openLog(requestIn(temp.dir, type));
    assert.equal(await linesOf(log), [], 'nothing was written yet');
    const filler = 'x'.repeat(3000);
    for (let index = 0; index < 200; index += 1)
      log.write(entry(`${index} ${filler}\n`, BigInt(index) * second, index % 2 ? 'stderr' : 'stdout'));
    const numbers = async (options: Partial<LogReadOptions>) =>
      (await linesOf(log, options)).map((line) => Number.parseInt(line, 10));
    assert.equal(await numbers({ tail: 3 }), [197, 198, 199]);
    assert.equal(await numbers({ tail: 0 }), []);
    assert.is((await numbers({ tail: 1000 })).length, 200);
    assert.is((await numbers({})).length, 200);
    assert.equal(await numbers({ tail: 4, stdout: false }), [197, 199], 'tail counts both streams, as Docker does');
    assert.equal(await numbers({ sinceNano: 5n * second, untilNano: 8n * second }), [5, 6, 7, 8]);
    assert.equal(await numbers({ sinceNano: 5n * second + 1n, untilNano: 7n * second - 1n }), [6]);
    await log.remove();
    assert.equal(
      (await readdir(temp.dir, { recursive: true })).filter((name) => name.includes('log') && !name.endsWith('local-logs')),
      [],
    );
  });

  test(`${type}: rotated and compressed files are read in order, old ones go`, async () => {
    await using temp = await folder();
    const log = await stdio.openLog(requestIn(temp.dir, type, { 'max-size': '10k', 'max-file': '4', compress: 'true' }));
    for (let index = 0; index < 1000; index += 1) log.write(entry(`line ${index} ${'y'.repeat(60)}\n`, BigInt(index) * second));
    const lines = await linesOf(log);
    const first = Number(/line (\d+)/.exec(lines[0] ?? '')?.[1]);
    assert.ok(first > 0 && first < 900, `starts at ${first}`);
    assert.equal(
      lines.map((line) => Number(line.split(' ')[1])),
      Array.from({ length: 1000 - first }, (_, index) => first + index),
    );
    const half = Math.floor(lines.length * 0.7);
    assert.equal(await linesOf(log, { tail: half }), lines.slice(-half), 'a tail over several files');
    await log.close();
    const other = await stdio.openLog(requestIn(temp.dir, type, { 'max-size': '10k', 'max-file': '4', compress: 'true' }));
    assert.equal(await linesOf(other), lines, 'another daemon reads the same');
    await other.remove();
  });

  test(`${type}: a follower gets every entry once, over rotations, and ends with the output`, async () => {
    await using temp = await folder();
    const log = await stdio.openLog(requestIn(temp.dir, type, { 'max-size': '4k', 'max-file': '3' }));
    log.write(entry('old\n', 1n));
    await log.flush(); // the end of an earlier run
    const got: number[] = [];
    const following = (async () => {
      for await (const batch of log.read({ ...all, follow: true, tail: 0 }))
        got.push(...batch.map(({ line }) => Number(line.toString())));
    })();
    await new Promise(setImmediate); // it has begun
    for (let index = 0; index < 600; index += 1) {
      log.write(entry(`${index}\n`, BigInt(index) * second));
    }
    await log.flush();
    await following;
    assert.equal(
      got,
      Array.from({ length: 600 }, (_, index) => index),
    );
    await log.remove();
  });
}

test('a follower stops when its client leaves and at until', async () => {
  await using temp = await folder();
  const log = await stdio.openLog(requestIn(temp.dir, 'json-file'));
  const leaving = new AbortController();
  const gone = linesOf(log, { follow: true, signal: leaving.signal });
  leaving.abort();
  assert.equal(await gone, []);
  log.write(entry('x\n', 1n));
  assert.equal(await linesOf(log, { follow: true, untilNano: 2n }), ['x\n'], 'until lies in the past');
});

test('a damaged line is left out, the rest is read', async () => {
  await using temp = await folder();
  const log = await stdio.openLog(requestIn(temp.dir, 'json-file'));
  const good = '{"log":"a\\n","stream":"stdout","time":"2024-01-01T00:00:00Z"}\n';
  await writeFile(join(temp.dir, `${'c'.repeat(64)}-json.log`), `${good}\0\0\0\0\n{"log":"cut\n${good}`);
  assert.equal(await linesOf(log), ['a\n', 'a\n']);
});

test('drivers and options are checked with the texts of Docker', async () => {
  const table: [string, Record<string, string>, string][] = [
    ['fluentd', {}, "logger: no log driver named 'fluentd' is registered"],
    ['json-file', { x: '1' }, "unknown log opt 'x' for json-file log driver"],
    ['local', { labels: 'a' }, "unknown log opt 'labels' for log driver local"],
    ['syslog', { x: '1' }, "unknown log opt 'x' for syslog log driver"],
    ['journald', { x: '1' }, "unknown log opt 'x' for journald log driver"],
    ['json-file', { mode: 'odd' }, 'logger: logging mode not supported: odd'],
    ['json-file', { 'max-buffer-size': '1m' }, "logger: max-buffer-size option is only supported with 'mode=non-blocking'"],
  ];
  for (const [type, config, text] of table)
    assert.throws(
      () => stdio.validateLogConfig(type, config),
      (error: Error) => error.message === text,
      text,
    );
  for (const [type, config] of [
    ['none', { whatever: '1' }],
    ['', { 'max-size': '1m' }],
    ['json-file', { mode: 'non-blocking', 'max-buffer-size': '4m' }],
  ] as const)
    stdio.validateLogConfig(type, config);
  await using temp = await folder();
  const values: [Record<string, string>, string][] = [
    [{ 'max-size': 'big' }, "failed to initialize logging driver: invalid size: 'big'"],
    [{ 'max-file': '0' }, 'failed to initialize logging driver: max-file cannot be less than 1'],
    [
      { compress: 'true' },
      'failed to initialize logging driver: compress cannot be true when max-file is less than 2 or max-size is not set',
    ],
  ];
  for (const [config, text] of values) {
    const message = await stdio.openLog(requestIn(temp.dir, 'json-file', config)).then(
      () => 'opened',
      (error: Error) => error.message,
    );
    assert.is(message, text);
  }
  const none = await stdio.openLog(requestIn(temp.dir, 'none'));
  assert.throws(() => none.read(all), 'configured logging driver does not support reading');
});

test.run();
