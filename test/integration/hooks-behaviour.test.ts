// Plugins that behave badly, and programs before start, on a real daemon: each request is answered in bounded time with the right status, and the next one is served.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { poll } from '../../daemon/lib/deadline.ts';
import { startDaemon } from '../helpers/daemon.ts';
import { busyboxArchive } from '../helpers/image.ts';
import { inOwnNamespaces } from '../helpers/namespaces.ts';
import { recorderPlugin } from '../helpers/recorder-plugin.ts';

inOwnNamespaces(import.meta.filename);

const dir = mkdtempSync(path.join(tmpdir(), 'pouchd-behaviour-'));

const bad = `
hooks['container.preCreate'] = (config) => {
  switch (config.Labels?.do) {
    case 'throw': throw new TypeError('oops');
    case 'text': throw 'only text';
    case 'invalid': throw api.invalidArgument('not so');
    case 'forbid': throw api.forbidden('not you');
    case 'lost': throw api.notFound('not here');
    case 'twice': throw api.conflict('not again');
    case 'hang': return new Promise(() => {});
    case 'leak': void Promise.reject(new Error('leaked')); return;
    case 'timer': setTimeout(() => { throw new Error('from a timer'); }, 1); return;
    case 'late': { const later = new Promise((_, reject) => setTimeout(() => reject(new Error('too late')), 1_000)); return later; }
    case 'nothing': for (const key of Object.keys(config)) delete config[key]; return;
    case 'types': config.Env = 7; config.HostConfig = 'x'; return;
    case 'ring': config.Labels.self = config; return;
  }
};`;

/** Label, status (4: any that blames the request), what the answer says. */
const expected: [string, number, RegExp][] = [
  ['throw', 500, /plugin bad \(bad@1\.0\.0\) at container\.preCreate: oops/],
  ['text', 500, /plugin bad .* at container\.preCreate: only text/],
  ['invalid', 400, /plugin bad .*: not so/],
  ['forbid', 403, /plugin bad .*: not you/],
  ['lost', 404, /plugin bad .*: not here/],
  ['twice', 409, /plugin bad .*: not again/],
  ['hang', 500, /plugin bad .*: no answer within 300 ms/],
  ['late', 500, /plugin bad .*: no answer within 300 ms/],
  ['leak', 201, /"Id"/],
  ['timer', 201, /"Id"/],
  ['nothing', 4, /./],
  ['types', 4, /./],
  ['ring', 4, /./],
];

test('whatever a plugin does, the request is answered with the right status and the next one is served', async () => {
  const calls = path.join(dir, 'calls');
  const plugin = recorderPlugin(dir, 'bad', calls, { body: bad });
  await using d = await startDaemon({
    netns: false,
    args: [`--plugin=${plugin}`],
    config: { plugins: { bad: { timeoutMs: 300 } } },
  });
  const archive = path.join(dir, 'busybox.tar');
  await busyboxArchive(archive);
  await d.docker(['load', '-q', '-i', archive]);
  const create = (what: string) =>
    d.call('POST', '/containers/create', { body: { Image: 'busybox', Cmd: ['true'], Labels: { do: what } } });
  const outcomes: string[] = [];
  for (const [what, status, message] of expected) {
    const answer = await create(what);
    const isRight = answer.status === status || Math.floor(answer.status / 100) === status;
    if (!isRight || !message.test(answer.text)) outcomes.push(`${what}: ${answer.status} ${answer.text}`);
    const next = await create('well');
    if (next.status !== 201) outcomes.push(`after ${what}: ${next.status} ${next.text}`);
  }
  assert.equal(outcomes, []);
  await poll('the late rejection is told', () => d.log().includes('plugin failed after its time limit'), { timeoutMs: 20_000 });
  const log = d.log();
  for (const told of ['leaked', 'from a timer']) assert.match(log, told);
  const stats = (await d.call('GET', '/plugins/hooks')).json<{
    stats: { id: string; point: string; failures: number; timeouts: number; leaks: number }[];
  }>();
  const row = stats.stats.find((one) => one.id === 'bad' && one.point === 'container.preCreate');
  assert.equal([row?.failures, row?.timeouts, row?.leaks], [8, 2, 3]);
  assert.is(await d.stop(), 0);
});

test('programs before start stand in the OCI config around the network entry, and see the network as their priority says', async () => {
  const calls = path.join(dir, 'calls2');
  const look = (file: string) =>
    `read state; pid=$(echo "$state" | sed -n 's/.*"pid":\\([0-9]*\\).*/\\1/p'); nsenter -t $pid -n ip -o -4 addr show scope global > ${file}`;
  const entry = (priority: number) => {
    const file = path.join(dir, `addresses${priority}`);
    return { priority, path: '/bin/sh', args: [`look${priority}`, '-c', look(file)] };
  };
  const body = `hooks['container.preStart'] = () => ${JSON.stringify([entry(-4), entry(10)])};`;
  const plugin = recorderPlugin(dir, 'prestart', calls, { body });
  await using d = await startDaemon({ netns: false, args: [`--plugin=${plugin}`] });
  const archive = path.join(dir, 'busybox.tar');
  await busyboxArchive(archive);
  await d.docker(['load', '-q', '-i', archive]);
  const id = (await d.docker(['run', '-d', 'busybox', 'sleep', '1000'])).stdout.trim();

  const [file] = await Array.fromAsync(glob(`**/io.containerd.runtime.v2.task/*/${id}/config.json`, { cwd: d.dir }));
  assert.ok(file, 'the bundle of the container');
  const spec = JSON.parse(readFileSync(path.join(d.dir, file), 'utf8')) as { hooks: Record<string, { args: string[] }[]> };
  const entries = Object.values(spec.hooks)
    .flat()
    .map((one) => one.args.slice(0, 3));
  assert.is(entries.length, 3);
  assert.equal([entries[0]?.[0], entries[1]?.slice(0, 2), entries[2]?.[0]], ['look10', ['libnetwork-setkey', id], 'look-4']);
  assert.is(readFileSync(path.join(dir, 'addresses10'), 'utf8'), '');
  assert.match(readFileSync(path.join(dir, 'addresses-4'), 'utf8'), /inet \d/);
});

test.after(() => rmSync(dir, { recursive: true, force: true }));
test.run();
