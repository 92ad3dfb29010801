import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startDaemon } from '../helpers/daemon.ts';

test('a daemon answers its first ping, stops cleanly on SIGTERM and starts again on the same folders', async () => {
  await using daemon = await startDaemon();

  const ping = await daemon.call('GET', '/_ping');
  const code = await daemon.stop();
  await daemon.start();
  const again = await daemon.call('GET', '/v1.41/_ping');

  assert.equal([ping.status, ping.text, code, again.status], [200, 'OK', 0, 200]);
});

test.run();
