import { inOwnNamespaces } from '../helpers/namespaces.ts';

inOwnNamespaces(import.meta.filename);

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openStore } from '../../daemon/store/sqlite.ts';
import { fakeId, inside, networksRoom, serveText } from '../helpers/networks-room.ts';

const plain = { hostname: 'h', ports: {} };

/** What a daemon does before it is killed, run in a process of its own: it prints the sandboxes of `web` and `gone` and stays. */
async function victim(dir: string): Promise<void> {
  const { networks } = await networksRoom({ dir, config: { dns: ['127.0.0.1#1'] } });
  await networks.create({
    Name: 'user',
    IPAM: { Config: [{ Subnet: '10.213.4.0/24' }] },
    Options: { 'com.docker.network.bridge.name': 'userbr' },
  });
  await networks.create({ Name: 'idle', Options: { 'com.docker.network.bridge.name': 'idlebr' } });
  const ports = { '80/tcp': [{ HostPort: '' }] };
  const web = await networks.open({ ...plain, containerId: fakeId(1), name: 'web', endpoints: { user: {}, bridge: {} }, ports });
  const gone = await networks.open({ ...plain, containerId: fakeId(2), name: 'gone', endpoints: { bridge: {} }, ports });
  await networks.settled();
  console.log(JSON.stringify([web, gone]));
  setInterval(() => undefined, 1000);
}

const victimDir = process.env['POUCHD_TEST_VICTIM'];
if (victimDir) await victim(victimDir);

async function killedDaemon(dir: string) {
  const child = spawn(process.execPath, [import.meta.filename], {
    env: { ...process.env, POUCHD_TEST_VICTIM: dir },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child.stdout.setEncoding('utf8');
  const [line] = await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
  return JSON.parse(line) as Awaited<ReturnType<Awaited<ReturnType<typeof networksRoom>>['networks']['open']>>[];
}

test('after a kill, running sandboxes go on as they were, and what nobody has is swept away, and nothing else', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'pouchd-networks-'));
  const foreign =
    'ip link add foreignbr type bridge; ip link set foreignbr alias pouchd:0000; ip link add pv00000 type veth peer name pv00001; nft add table ip pouchd_00000000; nft add table ip other';
  assert.is(await inside(undefined, foreign), '');
  const theirs = await inside(undefined, 'nft list table ip pouchd_00000000; nft list table ip other');
  const [web, gone] = await killedDaemon(dir);
  assert.ok(web && gone);
  await serveText(web.netnsPath, dir, 'web');
  const url = `http://127.0.0.1:${web.ports['80/tcp']?.[0]?.HostPort}/`;
  assert.is(await inside(undefined, `busybox wget -qO- ${url}`), 'web', 'ports of running containers work while no daemon lives');
  {
    await using room = await networksRoom({ dir, running: [fakeId(1)], config: { dns: ['127.0.0.1#1'] } });
    const { networks } = room;
    await networks.settled();
    assert.equal(
      networks
        .list({ type: ['custom'] })
        .map((one) => one.Name)
        .sort(),
      ['idle', 'user'],
    );
    assert.equal(networks.inspect('user').Containers[fakeId(1)]?.IPv4Address, `${web.endpoints['user']?.IPAddress}/24`);
    assert.equal(Object.keys(networks.inspect('bridge').Containers), [fakeId(1)]);
    assert.is(networks.netnsPath(fakeId(1)), web.netnsPath);
    assert.is(await inside(undefined, `busybox wget -qO- ${url}`), 'web');
    assert.is(
      await inside(undefined, `busybox wget -qO- ${url.replace('127.0.0.1', '[::1]')}`),
      'web',
      'the daemon’s own socket is back',
    );
    assert.match(await inside(web.netnsPath, 'busybox nslookup -type=A web 127.0.0.11'), web.endpoints['user']?.IPAddress ?? '-');
    assert.match(await inside(undefined, `ls ${gone.netnsPath}`), /No such file/);
    const pooled = 4 + 2;
    assert.is(Number(await inside(undefined, `ls ${dir}/netns | wc -l`)), 1 + pooled, 'old pool gone, new pool there');
    assert.is(
      Number(await inside(undefined, 'ip -o link show type veth 2>/dev/null | wc -l')),
      2 + 4 + 2,
      'web has two, the pool four, two are foreign',
    );
    const clash = {
      ...plain,
      containerId: fakeId(3),
      name: 'clash',
      endpoints: { bridge: {} },
      ports: { '80/tcp': [{ HostPort: web.ports['80/tcp']?.[0]?.HostPort }] },
    };
    assert.match(String(await networks.open(clash).catch((error: Error) => error.message)), /port is already allocated/);
    const next = await networks.open({ ...plain, containerId: fakeId(3), name: 'next', endpoints: { user: {} } });
    assert.is.not(next.endpoints['user']?.IPAddress, web.endpoints['user']?.IPAddress);
    await networks.connect(fakeId(1), 'idle', {});
    await networks.disconnect(fakeId(1), 'idle');
  }
  assert.is(await inside(undefined, 'ip -o link show type bridge 2>/dev/null | cut -d" " -f2'), 'foreignbr:');
  assert.is(await inside(undefined, 'nft list ruleset'), theirs);
  assert.is(await inside(undefined, 'ip link show pv00000 >/dev/null && echo there'), 'there');
});

test('a network that a killed daemon had removed from its store leaves no bridge, and a second daemon beside takes another', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'pouchd-networks-'));
  await killedDaemon(dir);
  const store = openStore(join(dir, 'pouchd.db'));
  const idle = store.all<{ name: string }>('networks').find((one) => one.value.name === 'idle');
  store.delete('networks', idle?.id ?? '');
  store.close(); // the row is gone, its bridge is not: as after a kill in between
  assert.match(await inside(undefined, 'ip -o link show idlebr'), 'idlebr');
  {
    await using again = await networksRoom({ dir });
    await again.networks.ready();
    assert.match(await inside(undefined, 'ip link show idlebr'), /does not exist/);
    await using beside = await networksRoom();
    const [one, two] = await Promise.all([
      again.networks.open({ ...plain, containerId: fakeId(1), name: 'one', endpoints: { bridge: {} } }),
      beside.networks.open({ ...plain, containerId: fakeId(1), name: 'two', endpoints: { bridge: {} } }),
    ]);
    assert.is.not(one.endpoints['bridge']?.Gateway, two.endpoints['bridge']?.Gateway);
    assert.match(beside.networks.inspect('bridge').Options['com.docker.network.bridge.name'] ?? '', /^pouch-[0-9a-f]{8}$/);
  }
});

if (!victimDir) test.run();
