// The plugins that ship in the tree, as plugin files, together in one real daemon.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buildSync } from 'esbuild';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { poll } from '../../daemon/lib/deadline.ts';
import { apiVersion } from '../../hookplugins/registry.ts';
import { startDaemon } from '../helpers/daemon.ts';
import { busyboxArchive } from '../helpers/image.ts';
import { inOwnNamespaces } from '../helpers/namespaces.ts';
import { startRegistry } from '../helpers/registry.ts';

inOwnNamespaces(import.meta.filename);

const tree = path.resolve(import.meta.dirname, '../..');
const dir = mkdtempSync(path.join(tmpdir(), 'pouchd-in-tree-'));
const at = (name: string) => path.join(dir, name);

/** A plugin of the tree as `hack/module --build-shared` makes it. */
function built(name: string): string {
  const folder = path.join(tree, 'hookplugins', name);
  const { version, pouchd } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as {
    version: string;
    pouchd: object;
  };
  const banner = { js: `/*! pouchd-plugin ${JSON.stringify({ apiVersion, ...pouchd, name, version })} */` };
  const outfile = at(`${name}.cjs`);
  buildSync({
    entryPoints: [path.join(folder, 'index.ts')],
    outfile,
    banner,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    keepNames: true,
  });
  return outfile;
}

test('limits from the environment, a touched file, default volume options, a route, a record of pulls, an assistant, a second snapshotter', async () => {
  const names = ['daemonplugin', 'containerplugin', 'volumeplugin', 'apiplugin', 'imageplugin', 'multisnapshotter'];
  const plugins = {
    daemonplugin: { command: ['/bin/sh', '-c', `echo $$ > ${at('assistant')}; exec sleep 1000`] },
    containerplugin: { touch: at('started-{name}') },
    volumeplugin: {
      labels: { site: 'north' },
      drivers: { local: { options: { type: 'tmpfs', device: 'tmpfs', o: 'size=1m' } } },
    },
    apiplugin: { name: 'rack-3' },
    imageplugin: { file: at('pulls.jsonl') },
    multisnapshotter: { snapshotters: ['native'] },
  };
  await using registry = await startRegistry();
  await using d = await startDaemon({
    netns: false,
    args: [...names.map((name) => `--plugin=${built(name)}`), `--insecure-registry=${registry.host}`],
    config: { plugins },
  });
  const archive = at('busybox.tar');
  const image = `${registry.host}/busybox:1`;
  await busyboxArchive(archive, { name: image });
  await d.docker(['load', '-q', '-i', archive]);
  await d.docker(['push', '-q', image]);
  await d.docker(['rmi', image]);
  await d.docker(['pull', '-q', image]);

  const pulled = readFileSync(at('pulls.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { name: string; digest: string });
  assert.equal([pulled.length, pulled[0]?.name], [1, image]);
  assert.match(pulled[0]?.digest ?? '', /^sha256:[0-9a-f]{64}$/);
  const snapshots = path.join(d.root, 'containerd/io.containerd.snapshotter.v1.native/snapshots');
  assert.ok(readdirSync(snapshots).some((one) => existsSync(path.join(snapshots, one, 'bin/busybox'))));

  const run = await d.docker([
    'run',
    '--name',
    'web',
    '-e',
    'SCHED_MEMORY=64m',
    '-e',
    'SCHED_PIDS=77',
    '-v',
    'data:/data',
    image,
    'df',
    '-m',
    '/data',
  ]);
  const [web] = JSON.parse((await d.docker(['inspect', 'web'])).stdout) as [
    { HostConfig: { Memory: number; PidsLimit: number } },
  ];
  assert.equal([web.HostConfig.Memory, web.HostConfig.PidsLimit], [64 * 2 ** 20, 77]);
  assert.match(run.stdout, /tmpfs\s+1\s/);
  const [volume] = JSON.parse((await d.docker(['volume', 'inspect', 'data'])).stdout) as [{ Labels: object; Options: object }];
  assert.equal([volume.Labels, volume.Options], [{ site: 'north' }, { type: 'tmpfs', device: 'tmpfs', o: 'size=1m' }]);
  assert.is(readFileSync(at('started-web'), 'utf8'), '');
  const refused = await d.docker(['create', '-e', 'SCHED_MEMORY=lots', image, 'true'], { allowFailure: true });
  assert.match(
    refused.stderr,
    /plugin containerplugin \(containerplugin@1\.0\.0\) at container\.preCreate: SCHED_MEMORY=lots is not a size such as 512m/,
  );

  const node = await d.call('GET', '/v1.41/node');
  assert.equal([node.status, node.json<{ Name: string }>().Name], [200, 'rack-3']);
  assert.is((await d.call('GET', '/_ping')).headers['pouchd-node'], 'rack-3');

  const assistant = Number(readFileSync(at('assistant'), 'utf8'));
  writeFileSync(d.configFile, JSON.stringify({ plugins: { ...plugins, containerplugin: { touch: null, enabled: false } } }));
  d.signal('SIGHUP');
  await poll('the reload', () => d.log().includes('configuration reloaded'), { timeoutMs: 20_000 });
  const after = await d.docker(['create', '-e', 'SCHED_MEMORY=lots', image, 'true'], { allowFailure: true });
  assert.is(after.exitCode, 0);
  process.kill(assistant, 0); // another plugin's section changed: it was left alone
  assert.is(await d.stop(), 0);
  assert.throws(() => process.kill(assistant, 0), /ESRCH/);
});

test.after(() => rmSync(dir, { recursive: true, force: true }));
test.run();
