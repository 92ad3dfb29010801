/** Real fifos with real processes: a small shell stands where the shim stands (it holds both ends of the outputs, as the shim does). */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { silentLogger } from '../../daemon/lib/log.ts';
import type { AttachRequest, ContainerLog, LogRequest, ProcessIo, ProcessIoOptions } from '../../daemon/stdio/contract.ts';
import { createStdio } from '../../daemon/stdio/service.ts';

async function room() {
  const dir = await mkdtemp(join(tmpdir(), 'pouchd-stdio-'));
  const stdio = createStdio({ poolDir: join(dir, 'pool'), log: silentLogger });
  const ios: ProcessIo[] = [];
  const children: ChildProcess[] = [];
  return {
    dir,
    stdio,
    async open(options: Partial<ProcessIoOptions> = {}): Promise<ProcessIo> {
      const io = await stdio.openProcess({
        dir: join(dir, 'io'),
        id: `p${ios.length}`,
        tty: false,
        stdin: false,
        stdinOnce: false,
        ...options,
      });
      ios.push(io);
      return io;
    },
    /** Runs a command on the fifos of `io`; `exited` drains. */
    start(io: ProcessIo, command: string): { exited: Promise<number> } {
      const { stdin, stdout, stderr } = io.paths;
      const redirects = `${stdin ? `<'${stdin}'` : '</dev/null'} >'${stdout}' ${stderr ? `2>'${stderr}'` : '2>&1'}`;
      // As the shim, the outer shell holds ends of its own while the fifos are opened, so that no open waits for the daemon's.
      const hold = `exec 9<>'${stdout}'${stdin ? ` 8<>'${stdin}'` : ''}`;
      const child = spawn('sh', ['-c', `${hold}; exec sh -c "$0" ${redirects} 9<&- 8<&-`, command], { stdio: 'ignore' });
      children.push(child);
      io.started();
      const exited = (async () => {
        const [code] = await once(child, 'exit');
        await io.drained();
        return code as number;
      })();
      return { exited };
    },
    async log(config: Record<string, string> = {}): Promise<ContainerLog> {
      const request: LogRequest = {
        type: 'json-file',
        config,
        containerId: 'c1',
        containerName: 'c',
        imageId: '',
        imageName: '',
        labels: {},
        env: [],
        createdAt: '',
        dir,
      };
      return stdio.openLog(request);
    },
    async [Symbol.asyncDispose]() {
      for (const child of children) child.kill('SIGKILL');
      for (const io of ios) await io.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** A client: what it received, as text, and its attach. */
function attach(io: ProcessIo, request: Partial<AttachRequest> = {}) {
  const chunks: Buffer[] = [];
  const output = new Writable({
    write(chunk: Buffer, _, done) {
      chunks.push(chunk);
      done();
    },
  });
  const ended = io.attach({ stdout: true, stderr: true, output, multiplexed: false, ...request });
  return { ended, output, text: () => Buffer.concat(chunks).toString(), bytes: () => Buffer.concat(chunks) };
}

async function until(what: string, probe: () => boolean): Promise<void> {
  for (const end = Date.now() + 20_000; !probe(); await sleep(5)) if (Date.now() > end) throw new Error(`never: ${what}`);
}

const sha = (data: Buffer) => createHash('sha256').update(data).digest('hex');

/** The payload of each stream of multiplexed bytes. */
function demultiplex(bytes: Buffer): { 1: string; 2: string } {
  const parts = { 1: '', 2: '' };
  for (let at = 0; at < bytes.length; ) {
    const stream = bytes[at] as 1 | 2;
    const length = bytes.readUInt32BE(at + 4);
    parts[stream] += bytes.toString('utf8', at + 8, at + 8 + length);
    at += 8 + length;
  }
  return parts;
}

test('clients that attach before the start get all, each in its form', async () => {
  await using r = await room();
  const io = await r.open();
  const raw = attach(io, { stderr: false });
  const framed = attach(io, { multiplexed: true });
  const { exited } = r.start(io, 'echo out; echo err >&2; printf end; exit 3');
  assert.is(await exited, 3);
  assert.equal([await raw.ended, await framed.ended], ['ended', 'ended']);
  assert.is(raw.text(), 'out\nend');
  assert.equal(demultiplex(framed.bytes()), { 1: 'out\nend', 2: 'err\n' });
  await io.close();
  assert.equal(await readdir(join(r.dir, 'io')), [], 'no fifo is left');
});

test('20 MB go in and come out byte for byte, through a client that is slow', async () => {
  await using r = await room();
  const io = await r.open({ stdin: true, stdinOnce: true, id: 'big' });
  const data = randomBytes(20_000_000);
  const hash = createHash('sha256');
  let received = 0;
  const slow = new Writable({
    highWaterMark: 64 * 1024,
    write(chunk: Buffer, _, done) {
      hash.update(chunk);
      received += chunk.length;
      if (received % 7 === 0) setTimeout(done, 1);
      else setImmediate(done);
    },
  });
  const client = attach(io, {
    output: slow,
    input: Readable.from(
      (function* () {
        for (let at = 0; at < data.length; at += 50_000) yield data.subarray(at, at + 50_000);
      })(),
    ),
  });
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, slow.writableLength);
  }, 5);
  const { exited } = r.start(io, 'cat');
  assert.is(await exited, 0, 'stdin ended');
  clearInterval(watch);
  assert.is(await client.ended, 'ended');
  slow.end();
  await once(slow, 'finish');
  assert.is(received, data.length);
  assert.is(hash.digest('hex'), sha(data));
  assert.ok(most < 2_000_000, `at most ${most} bytes were held`);
});

test('without clients the process never blocks, with and without a log', async () => {
  await using r = await room();
  const command = 'head -c 3000000 /dev/zero | tr "\\0" x; echo; echo last';
  const silent = await r.open();
  assert.is(await r.start(silent, command).exited, 0);
  const log = await r.log();
  const logged = await r.open({ log });
  assert.is(await r.start(logged, command).exited, 0);
  let bytes = 0;
  let last = '';
  for await (const batch of log.read({ stdout: true, stderr: true, follow: false })) {
    for (const { line } of batch) {
      bytes += line.length;
      last = line.toString();
    }
  }
  assert.equal([bytes, last], [3_000_006, 'last\n']);
});

test('stdin: stays open without clients and after one that leaves, ends once with StdinOnce', async () => {
  await using r = await room();
  let ends = 0;
  const kept = await r.open({ stdin: true, id: 'kept', onStdinEnd: () => (ends += 1) });
  const running = r.start(kept, 'while read line; do echo "got $line"; [ "$line" = stop ] && exit 5; done; exit 9');
  const first = attach(kept, { input: Readable.from([Buffer.from('one\n')]) });
  assert.is(await first.ended, 'closed', 'without StdinOnce the end of input cuts the client off, as in Docker');
  const second = new PassThrough();
  const reader = attach(kept, { input: second });
  second.write('two\nstop\n');
  assert.is(await running.exited, 5);
  assert.is(await reader.ended, 'ended');
  assert.match(reader.text(), /got two\ngot stop\n$/);
  assert.is(ends, 0);

  let onceEnds = 0;
  const early = await r.open({ stdin: true, stdinOnce: true, id: 'once', onStdinEnd: () => (onceEnds += 1) });
  const client = attach(early, { input: Readable.from([Buffer.from('before the start')]) });
  await sleep(20); // the client's end is there before the process
  const { exited } = r.start(early, 'cat; echo .');
  assert.is(await exited, 0);
  assert.is(await client.ended, 'ended');
  assert.is(client.text(), 'before the start.\n');
  assert.is(onceEnds, 1);
});

test('detach keys cut one client off and leave the process and the others alone', async () => {
  await using r = await room();
  const io = await r.open({ tty: true, stdin: true });
  const input = new PassThrough();
  const leaver = attach(io, { input, detachKeys: r.stdio.parseDetachKeys('ctrl-a,d') });
  const stayer = attach(io);
  const { exited } = r.start(io, 'while read line; do echo "$line"; done; exit 1');
  input.write('a\u0001b\n');
  await until('the line came back', () => leaver.text() === 'a\u0001b\n');
  input.write('\u0001');
  input.write('d');
  assert.is(await leaver.ended, 'detached');
  const again = new PassThrough();
  const other = attach(io, { input: again });
  again.write('more\n');
  await until('the other sees it', () => stayer.text().endsWith('more\n'));
  again.write(Buffer.from([16, 17])); // the default keys of a terminal
  assert.is(await other.ended, 'detached');
  assert.is(leaver.text(), 'a\u0001b\n');
  await io.close();
  assert.is(await stayer.ended, 'ended');
  void exited.catch(() => undefined);
});

test('the log goes ahead of the live stream without a gap or a repeat', async () => {
  await using r = await room();
  const log = await r.log();
  const io = await r.open({ log });
  const { exited } = r.start(
    io,
    'i=0; while [ $i -lt 3000 ]; do echo $i; i=$((i+1)); done; printf unfinished; sleep 0.3; echo " done"',
  );
  await until('some was written', () => existsSync(log.path) && statSync(log.path).size > 0);
  const output = new PassThrough();
  const chunks: Buffer[] = [];
  output.on('data', (chunk: Buffer) => chunks.push(chunk));
  const ended = io.attach({
    stdout: true,
    stderr: true,
    output,
    multiplexed: false,
    before: async () => {
      for await (const batch of log.read({ stdout: true, stderr: true, follow: false }))
        for (const { line } of batch) output.write(line);
    },
  });
  assert.is(await exited, 0);
  assert.is(await ended, 'ended');
  const want = `${Array.from({ length: 3000 }, (_, index) => `${index}\n`).join('')}unfinished done\n`;
  assert.is(Buffer.concat(chunks).toString(), want);
});

test('a client that hangs up is let go, the process goes on', async () => {
  await using r = await room();
  const io = await r.open();
  const gone = new PassThrough();
  const leaving = io.attach({ stdout: true, stderr: true, output: gone, multiplexed: false });
  const aborted = new AbortController();
  const second = attach(io, { signal: aborted.signal });
  const { exited } = r.start(io, 'head -c 1000000 /dev/zero; sleep 0.1; echo x');
  await until('it is held', () => gone.writableNeedDrain);
  gone.destroy();
  assert.is(await leaving, 'closed');
  aborted.abort();
  assert.is(await second.ended, 'closed');
  assert.is(await exited, 0);
});

test('a process that never came is drained at once; a writer that stays is waited for no longer than said', async () => {
  await using r = await room();
  const never = await r.open();
  const client = attach(never);
  const start = performance.now();
  await never.drained(60_000);
  assert.ok(performance.now() - start < 30_000);
  assert.is(await client.ended, 'ended');

  const io = await r.open();
  const reader = attach(io);
  const { exited } = r.start(io, 'sleep 300 & echo $! ; exit 0');
  assert.is(await exited, 0);
  assert.is(await reader.ended, 'ended');
  process.kill(Number(reader.text()), 'SIGKILL');
});

test('after a restart the streams of a running process are taken over', async () => {
  await using r = await room();
  const io = await r.open({ stdin: true, id: 'again' });
  const { exited } = r.start(io, 'while read line; do echo "got $line"; [ "$line" = stop ] && exit 0; done; exit 9');
  void exited.catch(() => undefined);
  const taken = await r.stdio.reopenProcess({ dir: join(r.dir, 'io'), id: 'again', tty: false, stdin: true, stdinOnce: false });
  const input = new PassThrough();
  const client = attach(taken, { input });
  input.write('hello\n');
  const first = attach(io);
  await until('one of the two readers got it', () => client.text() + first.text() === 'got hello\n');
  await taken.close();
});

test.run();
