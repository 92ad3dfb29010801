/**
 * `make bench`: one table, peers in the same alternating run, medians and ratios. Options: --quick (fewer rounds), --only=REGEX (rows by name), --json.
 * Nothing here fails because something is slow: a missed goal is printed as missed.
 */

import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { busyboxArchive } from '../helpers/image.ts';
import { benchBuild } from './build.ts';
import { benchHooks } from './hooks.ts';
import { must, rate } from './http.ts';
import { create, lifecycle, median, parallel, removeAll } from './measure.ts';
import { dockerdPeer, type Peer, pouchdPeer } from './peers.ts';
import { Report } from './report.ts';

const { values: options } = parseArgs({
  options: { quick: { type: 'boolean' }, only: { type: 'string' }, json: { type: 'boolean' }, containers: { type: 'string' } },
});
const rounds = options.quick ? 5 : 11;
const many = Number(options.containers ?? (options.quick ? 100 : 500));
const wanted = (name: string) => !options.only || new RegExp(options.only).test(name);
const binary = path.resolve(import.meta.dirname, '../../build/dist/pouchd');
if (!fs.existsSync(binary)) throw new Error('build/dist/pouchd is missing: run make first');

const report = new Report();
if (wanted('build')) await benchBuild(report);
if (wanted('hooks')) await benchHooks(report);

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'bench-'));
const peers = [pouchdPeer(binary), dockerdPeer()] as const;
const interrupted = new Promise<never>((_, reject) => {
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => reject(new Error(`ended by ${name}`)));
});
try {
  await Promise.race([run(peers), interrupted]);
} finally {
  for (const peer of peers) {
    await Promise.race([removeAll(peer.socket).catch(() => undefined), sleep(20_000)]); // containers outlive a daemon; one that is down has none
    await peer.stop();
    peer.remove();
  }
  fs.rmSync(scratch, { recursive: true, force: true });
}
report.note(`load of the machine at the end: ${os.loadavg()[0]?.toFixed(1)} on ${os.availableParallelism()} cores`);
process.stdout.write(options.json ? `${JSON.stringify(report.rows)}\n` : report.text());

async function run(peers: readonly [Peer, Peer]): Promise<void> {
  if (wanted('version')) {
    await compare(peers, '--version', 'ms', { most: 40 }, rounds, async (peer) => {
      const [command = '', ...args] = peer.versionCommand;
      return timed(() => execFileSync(command, args));
    });
  }
  if (wanted('start')) {
    await compare(peers, 'start to first ping, empty', 'ms', { ratio: 0.25 }, Math.min(rounds, 7), async (peer) => {
      const { pingMs } = await peer.start();
      await peer.stop();
      return pingMs;
    });
  }
  const archive = path.join(scratch, 'image.tar');
  await busyboxArchive(archive, { name: 'bench:latest' });
  for (const peer of peers) {
    await peer.start();
    await must(peer.socket, 'POST', '/images/load?quiet=1', fs.readFileSync(archive));
  }
  await settle();
  await compare(peers, 'RSS, fresh', 'MB', { most: 90 }, 1, async (peer) => peer.rssBytes() / 1e6);
  const goals = { bridge: 0.4, none: 0.55, host: 0.8 };
  for (const [network, ratio] of Object.entries(goals)) {
    if (!wanted(network)) continue;
    for (const peer of peers) await lifecycle(peer.socket, network);
    await compare(peers, `create+start+wait+delete, ${network}`, 'ms', { ratio }, rounds, (peer) =>
      lifecycle(peer.socket, network),
    );
  }
  for (const [count, ratio] of [
    [20, 0.6],
    [50, 0.75],
  ] as const) {
    if (!wanted(`${count} at once`)) continue;
    const cpu: Record<string, number[]> = {};
    await compare(peers, `${count} at once, wall`, 'ms', { ratio }, options.quick ? 1 : 3, async (peer) => {
      const result = await parallelInTime(peer, count);
      if (result.failures) report.note(`${peer.name}: ${result.failures} of ${count} failed`);
      cpu[peer.name] = [...(cpu[peer.name] ?? []), result.cpuMs];
      return result.wallMs;
    });
    report.add(
      `${count} at once, CPU a container`,
      'ms',
      { ratio: 0.55 },
      median(cpu['pouchd'] ?? []),
      median(cpu['dockerd'] ?? []),
    );
  }
  if (wanted('ping')) await compareRates(peers, '/_ping', 1.0);
  if (wanted('idle')) {
    await settle();
    await compare(peers, 'RSS, idle after this load', 'MB', { most: 90 }, 1, async (peer) => peer.rssBytes() / 1e6);
  }
  if (wanted('many|list|inspect')) await withMany(peers);
}

/** dockerd 20.10 can lock itself up in its network library when many containers start and end at once; that is told, and it gets another try. */
async function parallelInTime(peer: Peer, count: number): ReturnType<typeof parallel> {
  for (let tries = 0; tries < 3; tries++) {
    const running = parallel(peer.socket, count);
    const late = new AbortController();
    const result = await Promise.race([running, sleep(60_000, undefined, { signal: late.signal }).catch(() => undefined)]);
    late.abort();
    if (result) return result;
    report.note(`${peer.name} hung with ${count} at once, was killed and started again`);
    await peer.kill();
    await running;
    await peer.start();
    await removeAll(peer.socket);
  }
  throw new Error(`${peer.name} does not get through ${count} containers at once`);
}

async function withMany(peers: readonly [Peer, Peer]): Promise<void> {
  for (const peer of peers) {
    for (let index = 0; index < many; index++) await create(peer.socket, 'bridge', ['true']);
  }
  const ids = new Map<string, string>();
  for (const peer of peers) ids.set(peer.name, await create(peer.socket, 'bridge', ['true']));
  await compareRates(peers, '/containers/json?all=1', 50, `list of ${many}`);
  await compareRates(peers, (peer) => `/containers/${ids.get(peer.name)}/json`, 1.0, 'inspect');
  await settle();
  await compare(peers, `RSS with ${many} containers`, 'MB', { ratio: 1 }, 1, async (peer) => peer.rssBytes() / 1e6);
  for (const peer of peers) await peer.stop();
  await compare(peers, `start to first ping, ${many} containers`, 'ms', { ratio: 0.25 }, 3, async (peer) => {
    const { pingMs } = await peer.start();
    await peer.stop();
    return pingMs;
  });
  for (const peer of peers) await peer.start();
  await settle();
  await compare(
    peers,
    `RSS with ${many} containers, after a start`,
    'MB',
    { ratio: 1 },
    1,
    async (peer) => peer.rssBytes() / 1e6,
  );
  for (const peer of peers) await removeAll(peer.socket);
}

type Goal = { ratio?: number; most?: number };

async function compare(
  peers: readonly [Peer, Peer],
  name: string,
  unit: string,
  goal: Goal,
  times: number,
  sample: (peer: Peer) => Promise<number>,
) {
  const values = new Map<Peer, number[]>(peers.map((peer) => [peer, []]));
  for (let round = 0; round < times; round++) {
    for (const peer of round % 2 ? [...peers].reverse() : peers) values.get(peer)?.push(await sample(peer));
  }
  report.add(name, unit, goal, median(values.get(peers[0]) ?? []), median(values.get(peers[1]) ?? []));
}

async function compareRates(
  peers: readonly [Peer, Peer],
  target: string | ((peer: Peer) => string),
  ratio: number,
  name?: string,
) {
  const values = new Map<Peer, number[]>(peers.map((peer) => [peer, []]));
  for (let round = 0; round < 3; round++) {
    for (const peer of peers) {
      const url = typeof target === 'string' ? target : target(peer);
      values.get(peer)?.push(await rate(peer.socket, url, { connections: 4, seconds: options.quick ? 1 : 2 }));
    }
  }
  const label = name ?? (typeof target === 'string' ? target : 'rate');
  report.add(
    label,
    '/s',
    { ratio, higherIsBetter: true },
    median(values.get(peers[0]) ?? []),
    median(values.get(peers[1]) ?? []),
  );
}

async function timed(work: () => unknown): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/** Lets both daemons come to rest before memory is read: garbage collection and pools work in the background. */
function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5000));
}
