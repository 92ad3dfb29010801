/** dockerode's ordinary use: images, create, attach, exec, logs, archive, events, stats. */

import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import Docker from 'dockerode';
import * as tar from 'tar-stream';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { engine } from '../helpers/engine.ts';

const e = await engine(import.meta.filename);
const docker = new Docker({ socketPath: e.socket });

async function collect(stream: NodeJS.ReadableStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

test('ping, version, info and lists', async () => {
  assert.is(String(await docker.ping()), 'OK');
  assert.is((await docker.version()).Os, 'linux');
  assert.ok((await docker.info()).Images >= 1);
  assert.ok((await docker.listImages()).some((image) => image.RepoTags?.includes(e.image)));
});

test('docker.run streams output and gives the exit code', async () => {
  const output: Buffer[] = [];
  const sink = new (await import('node:stream')).Writable({
    write(chunk, _encoding, done) {
      output.push(chunk);
      done();
    },
  });
  const [result, container] = await docker.run(e.image, ['sh', '-c', 'echo run; exit 3'], sink);
  assert.equal([result.StatusCode, Buffer.concat(output).toString().trim()], [3, 'run']);
  await container.remove();
});

test('create, start, exec, logs, stop, remove', async () => {
  const container = await docker.createContainer({
    Image: e.image,
    Cmd: ['sh', '-c', 'echo hello; exec sleep 1000'],
    name: 'ode',
  });
  await container.start();
  const exec = await container.exec({
    Cmd: ['sh', '-c', 'cat; echo err >&2'],
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
  });
  const stream = await exec.start({ hijack: true, stdin: true });
  stream.end('typed\n');
  const framed = await collect(stream);
  assert.match(framed.toString('latin1'), /\x01\0\0\0\0\0\0\x06typed\n/);
  assert.match(framed.toString('latin1'), /\x02\0\0\0\0\0\0\x04err\n/);
  assert.is((await exec.inspect()).ExitCode, 0);
  const logs = await container.logs({ stdout: true, stderr: true });
  assert.match(logs.toString('latin1'), /hello/);
  const follow = await container.logs({ stdout: true, follow: true });
  await container.stop({ t: 0 });
  assert.match((await collect(follow)).toString('latin1'), /hello/);
  assert.is((await container.inspect()).State.Running, false);
  await container.remove();
});

test('archives go in and come out', async () => {
  const container = await docker.createContainer({ Image: e.image, Cmd: ['true'] });
  const pack = tar.pack();
  pack.entry({ name: 'in.txt', mode: 0o640 }, 'content');
  pack.finalize();
  await container.putArchive(Readable.from(pack), { path: '/tmp' });
  const extract = tar.extract();
  const found: string[] = [];
  extract.on('entry', async (header, stream, next) => {
    found.push(`${header.name} ${header.mode?.toString(8)} ${(await collect(Readable.from(stream))).toString()}`);
    next();
  });
  const archive = await container.getArchive({ path: '/tmp/in.txt' });
  await pipeline(archive, extract);
  assert.equal(found, ['in.txt 640 content']);
  await container.remove();
});

test('events and stats stream', async () => {
  const events = await docker.getEvents({ filters: { type: ['container'], event: ['start'] } });
  const first = new Promise<{ Action: string; Actor: { Attributes: Record<string, string> } }>((resolve) => {
    events.once('data', (chunk) => resolve(JSON.parse(String(chunk))));
  });
  const container = await docker.createContainer({ Image: e.image, Cmd: ['sleep', '1000'], name: 'evs' });
  await container.start();
  assert.is((await first).Actor.Attributes['name'], 'evs');
  (events as unknown as { destroy(): void }).destroy();
  const stats = await container.stats({ stream: false });
  assert.ok(stats.memory_stats.usage > 0 && stats.cpu_stats.cpu_usage.total_usage > 0, JSON.stringify(stats));
  await container.remove({ force: true });
});

test('errors carry status and reason', async () => {
  const error = await docker
    .getContainer('nope')
    .inspect()
    .catch((cause: { statusCode: number; json: { message: string } }) => cause);
  assert.equal(
    [(error as { statusCode: number }).statusCode, (error as { json: { message: string } }).json.message],
    [404, 'No such container: nope'],
  );
});

e.run(test);
