import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { silentLogger } from '../../daemon/lib/log.ts';
import { openStore } from '../../daemon/store/sqlite.ts';
import { Drivers } from '../../daemon/volumes/drivers.ts';
import { LocalDriver } from '../../daemon/volumes/local-driver.ts';
import { createVolumes } from '../../daemon/volumes/service.ts';
import { startDaemon } from '../helpers/daemon.ts';
import { hooksOf } from '../helpers/hooks.ts';
import { rejects } from '../helpers/rejects.ts';

const fileSystemAt = (path: string): string | undefined =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .find((line) => line.split(' ')[4] === path)
    ?.split(' - ')[1]
    ?.split(' ')[0];

test('options of the local driver mount while containers use the volume, once for all of them', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'volumes '));
  const store = openStore(join(dir, 'db'));
  const open = async () =>
    createVolumes({
      local: new LocalDriver(join(dir, 'volumes')),
      drivers: new Drivers(new Map()),
      store,
      events: { publish() {} },
      hooks: await hooksOf(() => undefined),
      log: silentLogger,
    });
  const volumes = await open();
  try {
    const tmpfs = await volumes.create({ Name: 'fast', DriverOpts: { type: 'tmpfs', device: 'tmpfs', o: 'size=1m,mode=0700' } });
    assert.is(await volumes.mount('fast', 'c1'), tmpfs.Mountpoint);
    await volumes.mount('fast', 'c2');
    assert.is(fileSystemAt(tmpfs.Mountpoint.replaceAll(' ', '\\040')), 'tmpfs');
    await volumes.unmount('fast', 'c1');
    assert.is(fileSystemAt(tmpfs.Mountpoint.replaceAll(' ', '\\040')), 'tmpfs');
    await volumes.unmount('fast', 'c2');
    assert.is(fileSystemAt(tmpfs.Mountpoint.replaceAll(' ', '\\040')), undefined);

    mkdirSync(join(dir, 'elsewhere'));
    writeFileSync(join(dir, 'elsewhere/f'), 'bound');
    const bind = await volumes.create({ Name: 'bound', DriverOpts: { type: 'none', device: join(dir, 'elsewhere'), o: 'bind' } });
    await volumes.mount('bound', 'c1');
    assert.is(readFileSync(join(bind.Mountpoint, 'f'), 'utf8'), 'bound');
    const restarted = await open();
    await restarted.mount('bound', 'c1');
    await restarted.unmount('bound', 'c1');
    await restarted.remove('bound');
    assert.is(readFileSync(join(dir, 'elsewhere/f'), 'utf8'), 'bound');

    await volumes.create({ Name: 'broken', DriverOpts: { type: 'none', device: join(dir, 'no such folder'), o: 'bind' } });
    await rejects(
      volumes.mount('broken', 'c1'),
      /^error while mounting volume '.*broken\/_data': failed to mount local volume: mount .*no such folder/,
    );
  } finally {
    for (const name of ['fast', 'bound']) await volumes.remove(name, { force: true }).catch(() => undefined);
    store.close();
    rmSync(dir, { recursive: true });
  }
});

test("the Docker CLI's volume commands work, with Docker's texts and events, and volumes outlive kill -9", async () => {
  await using daemon = await startDaemon();
  const docker = async (...args: string[]) => (await daemon.docker(args)).stdout.trim();
  const refused = async (...args: string[]) => (await daemon.docker(args, { allowFailure: true })).stderr.trim();

  assert.is(await docker('volume', 'create', '--label', 'x=y', 'one'), 'one');
  await docker('volume', 'create', 'two');
  const anonymous = await docker('volume', 'create');
  assert.is(await docker('volume', 'ls', '-q', '--filter', 'label=x=y'), 'one');
  assert.is(await docker('volume', 'inspect', '-f', '{{.Driver}} {{.Scope}} {{.Labels.x}}', 'one'), 'local local y');
  assert.match(await refused('volume', 'inspect', 'nix'), /no such volume/i); // older clients have a text of their own
  assert.match(
    await refused('volume', 'create', 'a/b'),
    /create a\/b: "a\/b" includes invalid characters for a local volume name/,
  );

  await daemon.kill();
  await daemon.start();
  assert.equal((await docker('volume', 'ls', '-q')).split('\n').sort(), [anonymous, 'one', 'two'].sort());
  const pruned = await daemon.call('POST', '/v1.44/volumes/prune'); // not by the CLI: an older one speaks 1.41, which prunes named volumes too
  assert.equal(pruned.json<{ VolumesDeleted: string[] }>().VolumesDeleted, [anonymous]);
  assert.is(
    (await daemon.call('POST', '/v1.41/volumes/prune?filters=%7B%22label%22%3A%5B%22x%22%5D%7D'))
      .json<{ VolumesDeleted: string[] }>()
      .VolumesDeleted.join(),
    'one',
  );
  assert.is(await docker('volume', 'rm', 'two'), 'two');
  const now = (await daemon.call('GET', '/info')).json<{ SystemTime: string }>().SystemTime;
  const events = await docker(
    'events',
    '--since',
    '1h',
    '--until',
    now,
    '--filter',
    'type=volume',
    '--format',
    '{{.Action}} {{.Actor.ID}}',
  );
  const lines = events.split('\n');
  assert.equal(lines.slice(-1), ['destroy two']);
  assert.ok(lines.includes('destroy one') && lines.includes(`destroy ${anonymous}`), events);
});

test.run();
