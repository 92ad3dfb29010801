import { inOwnNamespaces } from '../helpers/namespaces.ts';

inOwnNamespaces(import.meta.filename);

import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { PouchError } from '../../daemon/errors/error.ts';
import { poll } from '../../daemon/lib/deadline.ts';
import type { PortMap } from '../../daemon/types/docker/container.ts';
import { fakeId, inside, networksRoom } from '../helpers/networks-room.ts';
import { rejects } from '../helpers/rejects.ts';

const plain = { hostname: 'h', ports: {} };

/** A small generator of the same numbers every time. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * below);
  };
}

test('containers that come, go, connect and disconnect all at once leave nothing behind', async () => {
  await using room = await networksRoom();
  const { networks } = room;
  await networks.settled();
  const before = await inside(undefined, 'ip -o link 2>/dev/null | wc -l; nft list ruleset | wc -l');
  await Promise.all(['one', 'two', 'three'].map((Name) => networks.create({ Name })));
  const worker = async (digit: number): Promise<void> => {
    const next = numbers(digit + 1);
    const containerId = fakeId(digit);
    for (let round = 0; round < 12; round++) {
      const first = ['bridge', 'one', 'two', 'none'][next(4)] ?? '';
      const ports: PortMap = next(2) === 0 ? {} : { '80/tcp': [{ HostIp: '127.0.0.1' }], '53/udp': [{}] };
      await networks.open({
        ...plain,
        containerId,
        name: `c${digit}`,
        endpoints: { [first]: {} },
        ports,
        wiring: next(5) === 0 ? 'deferred' : 'now',
      });
      for (let step = 0; step < 3; step++) {
        const other = ['one', 'two', 'three'][next(3)] ?? '';
        const change = next(2) === 0 ? networks.connect(containerId, other, {}) : networks.disconnect(containerId, other);
        await change.catch((error: unknown) => {
          if (!(error instanceof PouchError) || error.kind === 'internal') throw error; // already connected, not connected, none
        });
      }
      await networks.close(containerId);
    }
  };
  await Promise.all(Array.from({ length: 8 }, (_, digit) => worker(digit)));
  for (const name of ['one', 'two', 'three']) await networks.remove(name);
  await networks.settled();
  assert.equal(room.store.all('endpoints'), []);
  assert.is(await inside(undefined, 'ip -o link show type bridge 2>/dev/null | wc -l'), '1');
  const pools = (await inside(undefined, `ip -o link show type veth 2>/dev/null | wc -l; ls ${room.dir}/netns | wc -l`))
    .split('\n')
    .map(Number);
  assert.ok((pools[0] ?? 99) <= 16 && (pools[1] ?? 99) <= 24, `only what stands ready: ${pools}`);
  const rules = (await inside(undefined, 'nft list ruleset | wc -l')).trim();
  assert.is(rules, before.split('\n')[1]?.trim(), 'rules are as before');
});

/** Our own children that run a program. */
function childrenNamed(program: string): number[] {
  const pattern = new RegExp(`^\\d+ \\(${program}\\) \\w ${process.pid} `);
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && pattern.test(statOf(name)))
    .map(Number);
}

function statOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return ''; // it has ended
  }
}

test('a helper program that dies is started again, and the call that met its death fails and leaves nothing', async () => {
  await using room = await networksRoom({ poolSize: 0 });
  const { networks } = room;
  await networks.ready();
  const open = () =>
    networks.open({
      ...plain,
      containerId: fakeId(1),
      name: 'one',
      endpoints: { bridge: {} },
      ports: { '80/tcp': [{ HostIp: '127.0.0.1' }] },
    });
  await open();
  await networks.close(fakeId(1));
  for (const program of ['sh', 'ip', 'nft']) {
    const pids = childrenNamed(program);
    assert.ok(pids.length > 0, program);
    const opened = open().then(
      () => 'open',
      () => 'failed',
    );
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    if ((await opened) === 'open') await networks.close(fakeId(1));
    await networks.settled();
    const info = await open();
    assert.is(await inside(info.netnsPath, 'ip -o -4 addr show eth0 | wc -l'), '1', program);
    await networks.close(fakeId(1));
  }
  await networks.settled();
  // what a killed shell had begun ends by itself
  const noVeth = async () => (await inside(undefined, 'ip -o link show type veth 2>/dev/null | wc -l')) === '0';
  await poll('no veth is left', noVeth, { timeoutMs: 20_000 });
  assert.equal(room.store.all('endpoints'), []);
});

test('hooks see networks come and containers connect; a refusal stops the network, not the container', async () => {
  const seen: string[] = [];
  await using room = await networksRoom({
    hooks: {
      has: (point) => point.startsWith('network.'),
      async run(point, ...args) {
        const [first, second] = args as unknown[];
        const subject = first as { Name: string; Labels?: Record<string, string> | null };
        seen.push([point, subject.Name, second ? String(second).slice(0, 3) : ''].join(' '));
        if (point === 'network.preCreate') {
          if (subject.Name === 'bad') throw new PouchError('forbidden', 'plugin says no');
          subject.Labels = { by: 'plugin' };
        }
      },
    },
  });
  const { networks } = room;
  await rejects(networks.create({ Name: 'bad' }), /plugin says no/);
  assert.is(networks.find('bad'), undefined);
  await networks.create({ Name: 'good' });
  assert.equal(networks.inspect('good').Labels, { by: 'plugin' });
  await networks.open({ ...plain, containerId: fakeId(7), name: 'one', endpoints: { good: {} } });
  await networks.connect(fakeId(7), 'bridge', {});
  await networks.disconnect(fakeId(7), 'good');
  await networks.close(fakeId(7));
  assert.equal(seen, [
    'network.preCreate bad ',
    'network.preCreate good ',
    'network.postConnect good 777',
    'network.postConnect bridge 777',
    'network.preDisconnect good 777',
    'network.preDisconnect bridge 777',
  ]);
});

test('filters of list and prune', async () => {
  await using room = await networksRoom({ poolSize: 0 });
  const { networks } = room;
  await networks.create({ Name: 'red-net', Labels: { colour: 'red', keep: '' } });
  const blue = await networks.create({ Name: 'blue-net', Labels: { colour: 'blue' } });
  await networks.open({ ...plain, containerId: fakeId(1), name: 'one', endpoints: { 'red-net': {} } });
  const names = (filters: Record<string, string[]>) =>
    networks
      .list(filters)
      .map((one) => one.Name)
      .sort();
  const cases: [Record<string, string[]>, string[]][] = [
    [{}, ['blue-net', 'bridge', 'host', 'none', 'red-net']],
    [{ type: ['builtin'] }, ['bridge', 'host', 'none']],
    [{ type: ['custom'] }, ['blue-net', 'red-net']],
    [{ driver: ['host', 'null'] }, ['host', 'none']],
    [{ name: ['-net'], label: ['colour=red'] }, ['red-net']],
    [{ label: ['colour', 'keep'] }, ['red-net']],
    [{ id: [blue.id.slice(0, 10)] }, ['blue-net']],
    [{ scope: ['swarm'] }, []],
    [{ dangling: ['true'] }, ['blue-net']],
    [{ dangling: ['false'] }, ['bridge', 'host', 'none', 'red-net']],
  ];
  for (const [filters, expected] of cases) assert.equal(names(filters), expected, JSON.stringify(filters));
  for (const [key, value] of [
    ['nonsense', 'x'],
    ['type', 'other'],
    ['dangling', 'perhaps'],
  ] as const)
    assert.throws(() => names({ [key]: [value] }), /invalid filter/);
  await rejects(networks.prune({ driver: ['bridge'] }), /invalid filter 'driver'/);
  assert.equal(await networks.prune({ until: ['2000-01-01'] }), []);
  assert.equal(await networks.prune({ 'label!': ['colour=blue'] }), []);
  assert.equal(await networks.prune({}), ['blue-net']);
  for (const name of ['bridge', 'host', 'none'])
    await rejects(networks.remove(name), `${name} is a pre-defined network and cannot be removed`);
  await rejects(networks.remove('nothing'), /^network nothing not found$/);
});

test.run();
