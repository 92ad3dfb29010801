/** A dockerd runs in the same network namespace, with its bridge, its rules and its address pool: both engines work, and neither touches what is the other's. */

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { poll } from '../../daemon/lib/deadline.ts';
import { run } from '../../daemon/lib/process.ts';
import { engine } from '../helpers/engine.ts';
import { inOwnNamespaces } from '../helpers/namespaces.ts';

inOwnNamespaces(import.meta.filename);
const dir = mkdtempSync(path.join(tmpdir(), 'pouchd-beside-'));
mkdirSync(path.join(dir, 'config'));
const socket = path.join(dir, 'docker.sock');
const dockerd = spawn(
  'dockerd',
  ['-H', `unix://${socket}`, '--data-root', `${dir}/root`, '--exec-root', `${dir}/exec`, '--pidfile', `${dir}/pid`],
  { stdio: 'ignore' },
);
const theirs = (...args: string[]) =>
  run('docker', args, {
    env: { ...process.env, DOCKER_HOST: `unix://${socket}`, DOCKER_CONFIG: `${dir}/config` },
    timeoutMs: 60_000,
  });
await poll(
  'dockerd answers',
  async () => (await run('docker', ['-H', `unix://${socket}`, 'version'], { allowFailure: true })).exitCode === 0,
  { timeoutMs: 60_000, intervalMs: 100 },
);
const rules = async () => (await run('nft', ['-s', 'list', 'ruleset'])).stdout;
const before = await rules();
const e = await engine(import.meta.filename);
const serve = (text: string) => ['sh', '-c', `mkdir /w; echo ${text} >/w/index.html; exec httpd -f -p 80 -h /w`];
const answers = (url: string, text: string) =>
  e.until(`${url} answers`, async () => (await e.sh(`curl -fsS --max-time 3 ${url}`)).stdout === `${text}\n`);

test('both publish ports and run containers, on subnets of their own', async () => {
  await theirs('load', '-q', '-i', path.join(e.scratch, 'busybox.tar'));
  await theirs('run', '-d', '--name', 'theirs', '-p', '18101:80', e.image, ...serve('theirs'));
  await e.ok('run', '-d', '--name', 'ours', '-p', '18102:80', e.image, ...serve('ours'));
  await answers('http://127.0.0.1:18101/', 'theirs');
  await answers('http://127.0.0.1:18102/', 'ours');
  const template = '{{(index .IPAM.Config 0).Subnet}}';
  const their = (await theirs('network', 'inspect', '-f', template, 'bridge')).stdout.trim();
  assert.is.not(await e.format('bridge', template, 'network'), their);
  assert.match((await e.docker('run', '--rm', '-p', '18101:80', e.image, 'true')).stderr, /already allocated|already in use/);
});

test('a stop and a start of ours leave theirs as it was, rule for rule', async () => {
  await e.restart('SIGKILL');
  await answers('http://127.0.0.1:18101/', 'theirs');
  await answers('http://127.0.0.1:18102/', 'ours');
  await e.ok('rm', '-f', 'ours');
  await theirs('rm', '-f', 'theirs');
  const others = (text: string) => text.replace(/^table \w+ pouchd[\s\S]*?^}\n/gm, '').replace(/counter[^\n]*?(?= |$)/g, '');
  assert.is(others(await rules()), others(before));
});

e.run(test, async () => {
  dockerd.kill('SIGTERM');
});
