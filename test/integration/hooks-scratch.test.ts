// `scratchDaemon` of @pouchd/hookplugins/testing: what plugin authors test with.
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { run } from '../../daemon/lib/process.ts';
import { scratchDaemon } from '../../hookplugins/testing.ts';
import { busyboxArchive } from '../helpers/image.ts';
import { inOwnNamespaces } from '../helpers/namespaces.ts';
import { recorderPlugin } from '../helpers/recorder-plugin.ts';
import { rejects } from '../helpers/rejects.ts';

inOwnNamespaces(import.meta.filename);

const dir = mkdtempSync(path.join(tmpdir(), 'pouchd-scratch-test-'));

/** The daemon from source as one executable file. */
function executable(): string {
  const file = path.join(dir, 'pouchd');
  const main = path.resolve(import.meta.dirname, '../../daemon/boot/main.ts');
  writeFileSync(file, `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`);
  chmodSync(file, 0o755);
  return file;
}

test('a scratch daemon runs real containers with the plugin in it, and leaves nothing behind', async () => {
  const plugin = recorderPlugin(dir, 'label', path.join(dir, 'calls'), {
    body: `hooks['container.preCreate'] = (config) => { config.Labels = { owner: 'platform' }; };`,
  });
  const daemon = await scratchDaemon({ executable: executable(), plugins: [plugin] });
  const folder = path.dirname(daemon.socket);
  try {
    const archive = path.join(dir, 'busybox.tar');
    await busyboxArchive(archive);
    await run('docker', ['load', '-q', '-i', archive], { env: { ...process.env, DOCKER_HOST: daemon.host } });
    const made = await daemon.request('POST', '/containers/create?name=web', { Image: 'busybox', Cmd: ['sleep', '1000'] });
    assert.is(made.status, 201);
    assert.is((await daemon.request('POST', '/containers/web/start')).status, 204);
    const web = (await daemon.request('GET', '/containers/web/json')).json<{
      Config: { Labels: object };
      State: { Running: boolean };
    }>();
    assert.equal([web.Config.Labels, web.State.Running], [{ owner: 'platform' }, true]);
    assert.match(daemon.log(), 'daemon ready');
  } finally {
    await daemon.stop();
  }
  assert.not(existsSync(folder));
  await daemon.stop(); // a second time does nothing
});

test('a daemon that does not start is told with its log', async () => {
  const plugin = path.join(dir, 'other.cjs');
  writeFileSync(plugin, '/*! pouchd-plugin {"apiVersion":99,"name":"other","version":"1.0.0"} */\n');
  await rejects(
    scratchDaemon({ executable: executable(), plugins: [plugin] }),
    /the scratch daemon did not start: it ended with 1[\s\S]*other\.cjs was made for plugin API version 99, this pouchd has version 1/,
  );
});

test.after(() => rmSync(dir, { recursive: true, force: true }));
test.run();
