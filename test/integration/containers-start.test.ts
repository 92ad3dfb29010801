import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createContainer, ctr, inspect, ok, runContainer, startWithImage, until } from '../helpers/containers-api.ts';
import { inOwnNamespaces } from '../helpers/namespaces.ts';

inOwnNamespaces(import.meta.filename);

/** A plugin that is loaded before the daemon's own modules; its entries write what they see to a file. */
function pluginSource(seen: string): string {
  const api = pathToFileURL(path.resolve(import.meta.dirname, '../../hookplugins/index.ts')).href;
  return `
import { appendFileSync, writeFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { registerContainerPlugin } from '${api}';
const tell = (line) => appendFileSync('${seen}.calls', line + '\\n');
const script = 'pid=$(grep -o "pid.:[0-9]*" | tr -dc 0-9); echo $0 $(grep -c eth0 /proc/$pid/net/dev) >> ${seen}';
const entry = (name, priority) => ({ priority, path: '/bin/sh', args: ['sh', '-c', script, name] });
registerContainerPlugin({
  id: 'prestart',
  preStart(container) { tell('preStart ' + container.Name); return [entry('below', -4), entry('above', 10)]; },
  preCreate(config) { tell('preCreate'); config.Env = [...(config.Env ?? []), 'FROM=plugin']; },
  preCreateEndpoint(id, env, endpoint) { tell('preCreateEndpoint ' + endpoint.network); endpoint.disableResolver = true; },
  async preUpdate(body) {
    let text = '';
    for await (const chunk of body) text += chunk;
    tell('preUpdate');
    return Readable.from([Buffer.from(JSON.stringify({ ...JSON.parse(text), Env: ['MORE=1'] }))]);
  },
  postUpdate(rootfs, env) { tell('postUpdate ' + env.filter((one) => !one.startsWith('PATH=')).join()); writeFileSync(rootfs + '/updated', 'yes'); },
  ...Object.fromEntries(['postCreate', 'postStart', 'preStop', 'preDelete', 'postDelete'].map((point) => [point, () => tell(point)])),
  postStop(container, info) { tell('postStop ' + info.exitCode + ' ' + info.reason); },
});
`;
}

test('the hook points of a container are called in order; prestart entries run around the wiring of the network, and config.json shows it', async () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'prestart-'));
  try {
    const seen = path.join(dir, 'seen');
    const plugin = path.join(dir, 'plugin.ts');
    writeFileSync(plugin, pluginSource(seen));
    await using d = await startWithImage({ env: { NODE_OPTIONS: `--import=${pathToFileURL(plugin).href}` } });
    const id = await runContainer(d, 'hooked', { Cmd: ['sleep', '1000'] });
    const config = JSON.parse(
      readFileSync(path.join(d.state, `containerd/state/io.containerd.runtime.v2.task/pouchd/${id}/config.json`), 'utf8'),
    ) as { hooks: { prestart: { args: string[] }[] }; process: { env: string[] } };
    assert.equal(
      config.hooks.prestart.map((hook) => hook.args[0]),
      ['sh', 'libnetwork-setkey', 'sh'],
    );
    assert.is(config.hooks.prestart[1]?.args[1], id);
    assert.ok(config.process.env.includes('FROM=plugin'));
    assert.is(readFileSync(seen, 'utf8'), 'above 0\nbelow 1\n', 'wired between the two');
    const { NetworkSettings } = await inspect(d, id);
    await d.exec('busybox', ['ping', '-c', '1', '-W', '10', NetworkSettings.IPAddress]);

    await ok(d, 'POST', `/containers/${id}/update`, { Memory: 32 << 20, MemorySwap: 64 << 20, Labels: { l: '1' } });
    const updated = await inspect(d, id);
    assert.equal([updated.HostConfig.Memory, updated.Config.Labels], [32 << 20, { l: '1' }]);
    assert.is(readFileSync(`/proc/${updated.State.Pid}/root/updated`, 'utf8'), 'yes');
    await ok(d, 'POST', `/containers/${id}/stop?t=0`);
    await ok(d, 'DELETE', `/containers/${id}`);
    assert.equal(readFileSync(`${seen}.calls`, 'utf8').trim().split('\n'), [
      'preCreate',
      'postCreate',
      'preCreateEndpoint bridge',
      'preStart hooked',
      'postStart',
      'preUpdate',
      'postUpdate FROM=plugin,MORE=1',
      'preStop',
      'postStop 137 killed',
      'preDelete',
      'postDelete',
    ]);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test('a start that fails leaves the container created and nothing of the run', async () => {
  await using d = await startWithImage();
  const missing = await createContainer(d, 'missing', {
    Cmd: ['/no/such/cmd'],
    HostConfig: { Binds: ['vol:/v'], IpcMode: 'shareable' },
  });
  const first = await d.call('POST', `/containers/${missing}/start`);
  assert.is(first.status, 400);
  assert.match(first.text, /OCI runtime create failed: .*\/no\/such\/cmd.*no such file or directory: unknown/);
  const { State } = await inspect(d, missing);
  assert.equal([State.Status, State.ExitCode, State.Pid], ['created', 127, 0]);

  const folder = await createContainer(d, 'folder', { Cmd: ['/etc'] });
  assert.is((await d.call('POST', `/containers/${folder}/start`)).status, 400);
  assert.is((await inspect(d, folder)).State.ExitCode, 126);

  const owner = await runContainer(d, 'owner', {
    Cmd: ['sleep', '1000'],
    HostConfig: { PortBindings: { '80/tcp': [{ HostPort: '8080' }] } },
  });
  const rival = await createContainer(d, 'rival', {
    Cmd: ['true'],
    HostConfig: { PortBindings: { '80/tcp': [{ HostPort: '8080' }] } },
  });
  const second = await d.call('POST', `/containers/${rival}/start`);
  assert.match(second.text, /port is already allocated/);
  assert.is((await inspect(d, rival)).State.ExitCode, 128);
  await ok(d, 'DELETE', `/containers/${owner}?force=1`);
  await ok(d, 'POST', `/containers/${rival}/start`);
  await until(d, rival, (seen) => seen.State.Status === 'exited');

  assert.is(await ctr(d, 'tasks', 'ls', '-q'), '');
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  assert.equal(
    mounts.filter((line) => line.includes(`${d.state}/containers/`) || line.includes(`/${missing}/`)),
    [],
  );
  for (const id of [missing, rival])
    assert.equal(
      readdirSync(path.join(d.state, 'containers', id)).filter((name) => name !== 'shm'),
      [],
      'no fifos',
    );
  assert.is((await d.call('DELETE', '/volumes/vol')).status, 409, 'the volume is referenced until the container goes');
  await ok(d, 'DELETE', `/containers/${missing}`);
  await ok(d, 'DELETE', '/volumes/vol');
});

test('restart policies: on-failure up to its count, always until stopped', async () => {
  await using d = await startWithImage();
  const failing = await runContainer(d, 'failing', {
    Cmd: ['sh', '-c', 'exit 3'],
    HostConfig: { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 2 } },
  });
  const given = await until(d, failing, (seen) => seen.State.Status === 'exited' && seen.RestartCount === 2);
  assert.is(given.State.ExitCode, 3);
  const always = await runContainer(d, 'always', { Cmd: ['true'], HostConfig: { RestartPolicy: { Name: 'always' } } });
  await until(d, always, (seen) => seen.RestartCount >= 2);
  await ok(d, 'POST', `/containers/${always}/stop?t=1`);
  const { State } = await inspect(d, always);
  assert.equal([State.Status, State.Running, State.Restarting], ['exited', false, false]);
  const waited = await ok(d, 'POST', `/containers/${always}/wait`);
  assert.is((JSON.parse(waited) as { StatusCode: number }).StatusCode, State.ExitCode);
});

test.run();
