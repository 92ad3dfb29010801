import { inOwnNamespaces } from '../helpers/namespaces.ts';

inOwnNamespaces(import.meta.filename);

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { poll } from '../../daemon/lib/deadline.ts';
import { unmountBelow } from '../helpers/daemon.ts';
import { fakeId, inside, networksRoom, serveText } from '../helpers/networks-room.ts';

const plain = { hostname: 'h', ports: {} };

/** A dockerd in this test's namespaces, with folders of its own. */
async function startDockerd(): Promise<AsyncDisposable> {
  const dir = mkdtempSync(join(tmpdir(), 'pouchd-dockerd-'));
  const logFile = join(dir, 'log');
  const log = openSync(logFile, 'w');
  const folders = [
    '--data-root',
    join(dir, 'root'),
    '--exec-root',
    join(dir, 'exec'),
    '-p',
    join(dir, 'pid'),
    '-H',
    `unix://${join(dir, 'sock')}`,
  ];
  const child: ChildProcess = spawn('dockerd', [...folders, '--storage-driver', 'vfs'], { stdio: ['ignore', log, log] });
  const ended = once(child, 'exit');
  await poll(
    'dockerd listens',
    () => {
      if (child.exitCode !== null) throw new Error(`dockerd ended: ${readFileSync(logFile, 'utf8').slice(-2000)}`);
      return existsSync(join(dir, 'sock')) && readFileSync(logFile, 'utf8').includes('API listen on');
    },
    { timeoutMs: 60_000 },
  );
  return {
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await ended;
      await unmountBelow(dir);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

test('beside a dockerd that drops what is forwarded: other subnets, neighbours and names, published ports, and its rules as they were', async () => {
  await using _dockerd = await startDockerd();
  assert.is(await inside(undefined, 'iptables -P FORWARD DROP'), ''); // it does so itself where forwarding was off at its start
  const its = 'nft -s list table ip filter; nft -s list table ip nat';
  const before = await inside(undefined, its);
  assert.match(before, 'DOCKER');
  {
    await using room = await networksRoom();
    const { networks, dir } = room;
    const docker0 = await inside(undefined, "ip -o -4 addr show docker0 | awk '{print $4}'");
    assert.is.not(networks.inspect('bridge').IPAM.Config?.[0]?.Subnet?.split('.')[1], docker0.split('.')[1]);
    await networks.create({ Name: 'user' });
    const ports = { '80/tcp': [{ HostPort: '' }] };
    const web = await networks.open({
      ...plain,
      containerId: fakeId(1),
      name: 'web',
      endpoints: { user: { Aliases: ['al'] } },
      ports,
    });
    const near = await networks.open({ ...plain, containerId: fakeId(2), name: 'near', endpoints: { user: {} } });
    const far = await networks.open({ ...plain, containerId: fakeId(3), name: 'far', endpoints: { bridge: {} } });
    await serveText(web.netnsPath, dir, 'web');
    const address = web.endpoints['user']?.IPAddress ?? '';
    assert.match(await inside(near.netnsPath, 'busybox nslookup -type=A al 127.0.0.11'), address);
    assert.is(await inside(near.netnsPath, `busybox wget -qO- http://${address}/`), 'web');
    const url = (host: string) => `busybox wget -qO- http://${host}:${web.ports['80/tcp']?.[0]?.HostPort}/`;
    assert.is(await inside(undefined, url('127.0.0.1')), 'web');
    assert.is(await inside(far.netnsPath, url(far.endpoints['bridge']?.Gateway ?? '')), 'web');
    assert.match(await inside(far.netnsPath, `busybox ping -c1 -W1 ${address}`), /^failed/);
  }
  assert.is(await inside(undefined, its), before);
  assert.not.match(await inside(undefined, 'nft list tables'), 'pouchd');
});

test.run();
