import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { packJson, packRuncOptions, unpackJson } from '../../../daemon/ctrd/any.ts';
import { checkProxyPlugins, lowestOomScore, renderContainerdConfig } from '../../../daemon/ctrd/containerd-config.ts';
import { unpackMetrics } from '../../../daemon/ctrd/metrics.ts';
import { decodeTaskEvent } from '../../../daemon/ctrd/task-event.ts';
import { msToTimestamp, timestampToMs, timestampToRfc3339, zeroTimestamp } from '../../../daemon/ctrd/timestamp.ts';
import { Metrics } from '../../../daemon/types/gen/cgroups/v2.ts';
import { TaskDelete, TaskExit } from '../../../daemon/types/gen/containerd/messages.ts';
import { Options } from '../../../daemon/types/gen/containerd/runc.ts';

const at = { seconds: 1_700_000_000, nanos: 120_000_000 };

test('timestamps keep nanoseconds and read as Go writes them', () => {
  assert.is(timestampToRfc3339(at), '2023-11-14T22:13:20.12Z');
  assert.is(timestampToRfc3339({ seconds: 0, nanos: 0 }), '1970-01-01T00:00:00Z');
  assert.is(timestampToRfc3339(zeroTimestamp), '0001-01-01T00:00:00Z');
  assert.is(timestampToMs(at), 1_700_000_000_120);
  assert.equal(msToTimestamp(1_700_000_000_120), at);
});

test('specs travel as JSON, runc options as protobuf, cgroup counters as full 64-bit numbers', () => {
  const spec = { ociVersion: '1.0.2', annotations: { ö: '1' } };
  assert.equal(unpackJson(packJson('ociSpec', spec)), spec);
  const options = packRuncOptions({ binaryName: 'crun', systemdCgroup: true });
  assert.is(options.typeUrl, 'containerd.runc.v1.Options');
  const { binaryName, systemdCgroup } = Options.decode(options.value);
  assert.equal([binaryName, systemdCgroup], ['crun', true]);
  const limit = 2n ** 64n - 1n;
  const value = Buffer.from(Metrics.encode(Metrics.fromPartial({ pids: { limit } })).finish());
  for (const typeUrl of ['io.containerd.cgroups.v2.Metrics', 'type.googleapis.com/io.containerd.cgroups.v2.Metrics']) {
    const unpacked = unpackMetrics({ typeUrl, value });
    assert.is(unpacked.version, 2);
    assert.is(unpacked.metrics.pids?.limit, limit);
  }
  assert.throws(() => unpackMetrics({ typeUrl: 'else', value }), /unknown kind of metrics from containerd: else/);
});

test('task events are decoded by topic; the delete of a first process names its container', () => {
  const envelope = (topic: string, bytes: Uint8Array) => ({
    timestamp: at,
    namespace: 'pouch',
    topic,
    event: { typeUrl: '', value: Buffer.from(bytes) },
  });
  const exit = TaskExit.encode({ containerId: 'c', id: 'e', pid: 7, exitStatus: 137, exitedAt: at }).finish();
  assert.equal(decodeTaskEvent(envelope('/tasks/exit', exit)), {
    type: 'exit',
    at,
    containerId: 'c',
    id: 'e',
    pid: 7,
    exitStatus: 137,
    exitedAt: at,
  });
  const gone = TaskDelete.encode(TaskDelete.fromPartial({ containerId: 'c', pid: 7 })).finish();
  assert.equal(decodeTaskEvent(envelope('/tasks/delete', gone)), {
    type: 'delete',
    at,
    containerId: 'c',
    id: 'c',
    pid: 7,
    exitStatus: 0,
    exitedAt: zeroTimestamp,
  });
  assert.is(decodeTaskEvent(envelope('/images/create', exit)), undefined);
});

test('the configuration of containerd holds proxies and stream processors, quoted', () => {
  const toml = renderContainerdConfig({
    root: '/r "x"',
    state: '/s',
    socket: '/s/c.sock',
    debug: false,
    oomScore: -500,
    proxyPlugins: { 'my.snap': { type: 'snapshot', address: '/run/snap.sock', platform: 'linux/amd64' } },
    streamProcessors: { 'zip.v1': { accepts: ['a/b+zip'], returns: 'a/b', path: 'unzipper', args: ['-c'] } },
  });
  assert.match(toml, 'root = "/r \\"x\\""');
  assert.match(toml, 'oom_score = -500');
  assert.match(toml, '[proxy_plugins."my.snap"]\ntype = "snapshot"\naddress = "/run/snap.sock"\nplatform = "linux/amd64"');
  assert.match(
    toml,
    '[stream_processors."zip.v1"]\naccepts = ["a/b+zip"]\nreturns = "a/b"\npath = "unzipper"\nargs = ["-c"]\nenv = []',
  );
});

test('proxies that containerd would panic at are refused by name', () => {
  const address = '/run/x.sock';
  checkProxyPlugins({ far: { type: 'snapshot', address }, overlayfs: { type: 'content', address } });
  assert.throws(
    () => checkProxyPlugins({ far: { type: 'volume', address } }),
    /proxy plugin far has type "volume"; containerd knows snapshot/,
  );
  assert.throws(
    () => checkProxyPlugins({ native: { type: 'snapshot', address } }),
    /native has the name of containerd's own snapshot plugin/,
  );
  assert.throws(() => checkProxyPlugins({ far: { type: 'snapshot', address: '' } }), /proxy plugin far has no address/);
});

test('the score against the OOM killer is lowered only by who may', () => {
  assert.is(lowestOomScore('Name:\tx\nCapEff:\t000001ffffffffff\n'), -500);
  assert.is(lowestOomScore('Name:\tx\nCapEff:\t000001fffeffffff\n'), 0);
});

test.run();
