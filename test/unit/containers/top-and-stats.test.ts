import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { absolutePath, baseName, goMode } from '../../../daemon/containers/archive-stat.ts';
import { parseNetDev, type StatsSample } from '../../../daemon/containers/stats.ts';
import { statsOf } from '../../../daemon/containers/stats-shape.ts';
import { parsePs } from '../../../daemon/containers/top.ts';
import { Metrics as Metrics1 } from '../../../daemon/types/gen/cgroups/v1.ts';
import { Metrics as Metrics2 } from '../../../daemon/types/gen/cgroups/v2.ts';

test('ps is read by its title line: own processes and their threads, the last column takes the rest', () => {
  const output =
    'UID   PID TTY CMD\nroot   10 ?   sh -c  a b\nroot    - -   thread\nroot   11 ?   other\nroot    - -   not ours\nroot   12 ?   x\n';
  assert.equal(parsePs(output, new Set([10, 12])), {
    Titles: ['UID', 'PID', 'TTY', 'CMD'],
    Processes: [
      ['root', '10', '?', 'sh -c a b'],
      ['root', '-', '-', 'thread'],
      ['root', '12', '?', 'x'],
    ],
  });
  assert.throws(() => parsePs('UID CMD\nroot x\n', new Set()), "Couldn't find PID field in ps output");
  assert.throws(() => parsePs('PID CMD\nabc x\n', new Set()), /^Error: Unexpected pid 'abc'|Unexpected pid 'abc'/);
});

test('network counters by interface, without the loopback', () => {
  const table = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     100       1    0    0    0     0          0         0      100       1    0    0    0     0       0          0
  eth0:11 12 13 14 0 0 0 0 21 22 23 24 0 0 0 0
`;
  assert.equal(parseNetDev(table), {
    eth0: {
      rx_bytes: 11,
      rx_packets: 12,
      rx_errors: 13,
      rx_dropped: 14,
      tx_bytes: 21,
      tx_packets: 22,
      tx_errors: 23,
      tx_dropped: 24,
    },
  });
});

const base = { read: '2024-01-01T00:00:00Z', systemNanos: 5_000, onlineCpus: 2, networks: {} };
const record = { id: 'abc', name: 'web' };

interface Shown {
  memory_stats: { usage: number; limit: number; failcnt?: number; stats: Record<string, number> };
  cpu_stats: { cpu_usage: Record<string, unknown>; system_cpu_usage: number; online_cpus: number };
  precpu_stats: { system_cpu_usage?: number };
  pids_stats: object;
  blkio_stats: { io_service_bytes_recursive: { op: string; value: number }[] };
  preread: string;
  networks?: object;
}

test('cgroup v1 metrics in the shape of Docker', () => {
  const metrics = Metrics1.fromPartial({
    pids: { current: 3n, limit: 77n },
    cpu: { usage: { total: 100n, kernel: 40n, user: 60n, perCpu: [30n, 70n] } },
    memory: {
      totalInactiveFile: 5n,
      pgPgIn: 9n,
      hierarchicalSwapLimit: 8n,
      usage: { usage: 50n, max: 60n, limit: 1n << 62n, failcnt: 2n },
    },
    blkio: { ioServiceBytesRecursive: [{ op: 'Read', major: 8n, minor: 0n, value: 12n }] },
  });
  const sample: StatsSample = { ...base, metrics: { version: 1, metrics } };
  const shown = statsOf(record, sample, {
    before: { ...sample, systemNanos: 4_000, read: 'before' },
    memoryBytes: 1000,
  }) as Shown;
  const { usage, limit, failcnt, stats } = shown.memory_stats;
  assert.equal(
    [usage, limit, failcnt, stats['total_inactive_file'], stats['pgpgin'], stats['hierarchical_memsw_limit']],
    [50, 1000, 2, 5, 9, 8],
  );
  assert.equal(shown.cpu_stats.cpu_usage, {
    total_usage: 100,
    percpu_usage: [30, 70],
    usage_in_kernelmode: 40,
    usage_in_usermode: 60,
  });
  assert.equal([shown.cpu_stats.system_cpu_usage, shown.precpu_stats.system_cpu_usage, shown.preread], [5_000, 4_000, 'before']);
  assert.equal(shown.pids_stats, { current: 3, limit: 77 });
  assert.equal(shown.blkio_stats.io_service_bytes_recursive, [{ major: 8, minor: 0, op: 'Read', value: 12 }] as never);
  assert.is(shown.networks, undefined);
});

test('cgroup v2 metrics in the shape of Docker', () => {
  const metrics = Metrics2.fromPartial({
    pids: { current: 1n, limit: (1n << 64n) - 1n },
    cpu: { usageUsec: 5n, userUsec: 3n, systemUsec: 2n },
    memory: { usage: 40n, usageLimit: 64n, inactiveFile: 7n, anonThp: 6n },
    io: { usage: [{ major: 8n, minor: 1n, rbytes: 10n, wbytes: 20n }] },
  });
  const shown = statsOf(record, { ...base, metrics: { version: 2, metrics } }, { before: undefined, memoryBytes: 1000 }) as Shown;
  assert.equal([shown.memory_stats.usage, shown.memory_stats.limit], [40, 64]);
  assert.equal([shown.memory_stats.stats['inactive_file'], shown.memory_stats.stats['anon_thp']], [7, 6]);
  assert.equal(shown.cpu_stats.cpu_usage, { total_usage: 5000, usage_in_kernelmode: 2000, usage_in_usermode: 3000 });
  assert.equal(
    shown.blkio_stats.io_service_bytes_recursive.map(({ op, value }) => [op, value]),
    [
      ['read', 10],
      ['write', 20],
    ],
  );
  assert.equal([shown.pids_stats, shown.preread], [{ current: 1 }, '0001-01-01T00:00:00Z']);
});

test('archive paths keep the endings that mean something', () => {
  const table: [string, string, string][] = [
    ['/a/b', '/a/b', 'b'],
    ['a/../b/', '/b/', 'b'],
    ['/a/.', '/a/.', '.'],
    ['.', '/.', '.'],
    ['/', '/', '/'],
    ['../../x', '/x', 'x'],
    ['/a/..', '/', '/'],
  ];
  for (const [path, absolute, base] of table)
    assert.equal([absolutePath(path), baseName(absolutePath(path))], [absolute, base], path);
});

test('modes as Go numbers them', () => {
  assert.equal([0o100644, 0o040755, 0o120777, 0o041777, 0o104755, 0o020666, 0o060660, 0o010600, 0o140755].map(goMode), [
    0o644,
    2 ** 31 + 0o755,
    2 ** 27 + 0o777,
    2 ** 31 + 2 ** 20 + 0o777,
    2 ** 23 + 0o755,
    2 ** 26 + 2 ** 21 + 0o666,
    2 ** 26 + 0o660,
    2 ** 25 + 0o600,
    2 ** 24 + 0o755,
  ]);
});

test.run();
