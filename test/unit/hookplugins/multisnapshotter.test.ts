import { test } from 'uvu';
import * as assert from 'uvu/assert';
import packageJson from '../../../hookplugins/multisnapshotter/package.json' with { type: 'json' };
import { testPlugin } from '../../../hookplugins/testing.ts';
import { rejects } from '../../helpers/rejects.ts';

const image = { name: 'docker.io/library/busybox:latest', digest: 'sha256:d', id: 'sha256:i' };

/** Loads the plugin and hands it an images room that writes down what it is asked for. */
async function plugged(config: Record<string, unknown>, calls: string[] = []) {
  const plugin = await testPlugin(() => import('../../../hookplugins/multisnapshotter/index.ts'), {
    config,
    package: packageJson,
  });
  const room = {
    resolve: (ref: string) => ref,
    async prepareRootfs(_key: string, ref: string, { snapshotter }: { snapshotter: string }) {
      if (snapshotter === 'broken') throw new Error('no such snapshotter');
      calls.push(`prepare ${ref} ${snapshotter}`);
    },
    async removeRootfs(_key: string, snapshotter: string) {
      calls.push(`remove ${snapshotter}`);
    },
  };
  const general = plugin.registrations.find((one) => one.type === 'io.pouchd.internal.v1');
  await general?.initFn({ getSingle: () => room } as never);
  assert.equal(general?.requires, ['io.pouchd.image.v1']);
  return { plugin, calls };
}

test('a pulled image is unpacked into each further snapshotter, by preparing a root there and removing it', async () => {
  const { plugin, calls } = await plugged({ snapshotters: ['overlayfs', 'native', 'zfs'] });
  await plugin.call('image.postPull', 'overlayfs', image);
  assert.equal(calls, ['prepare sha256:i native', 'remove native', 'prepare sha256:i zfs', 'remove zfs']);
});

test('only images that were asked for are unpacked', async () => {
  const { plugin, calls } = await plugged({ snapshotters: ['native'], images: ['quay.io/'] });
  await plugin.call('image.postPull', 'overlayfs', image);
  assert.equal(calls, []);
});

test('what cannot be unpacked is told with image and snapshotter, and nothing is left there', async () => {
  const { plugin, calls } = await plugged({ snapshotters: ['broken'] });
  await rejects(
    plugin.call('image.postPull', 'overlayfs', image),
    /docker\.io\/library\/busybox:latest cannot be unpacked into broken: no such snapshotter/,
  );
  assert.equal(calls, ['remove broken']);
});

test.run();
