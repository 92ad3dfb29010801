import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { mergeConfig, mergeEnv } from '../../../daemon/containers/merge-config.ts';
import { checkName, randomName } from '../../../daemon/containers/names.ts';
import { wantedPorts } from '../../../daemon/containers/ports.ts';
import { checkShape } from '../../../daemon/containers/shape.ts';
import { parseSignal } from '../../../daemon/containers/signals.ts';
import { validateCreate } from '../../../daemon/containers/validate.ts';
import { parseVolumeSpec } from '../../../daemon/containers/volume-spec.ts';
import { isKind } from '../../../daemon/errors/error.ts';
import type { ContainerConfig, HostConfig } from '../../../daemon/types/docker/container.ts';

const context = { host: { cpus: 2, cgroupVersion: 1 as const }, runtimes: ['runc'], validateLogConfig() {} };

/** The message of the invalidArgument that `work` throws; '' when it throws nothing. */
function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    assert.ok(isKind(error, 'invalidArgument'), String(error));
    return (error as Error).message;
  }
  return '';
}

test('a HostConfig with wrong values is refused with the texts of Docker', () => {
  const cases: [HostConfig, string][] = [
    [{ Memory: 1000 }, 'Minimum memory limit allowed is 6MB'],
    [{ MemorySwap: 10 }, 'You should always set the Memory limit when using Memoryswap limit, see usage'],
    [{ Memory: 1e8, MemorySwap: 1e7 }, 'Minimum memoryswap limit should be larger than memory limit, see usage'],
    [{ NanoCpus: 3e9 }, 'Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available'],
    [{ NanoCpus: 1e9, CpuQuota: 5000 }, 'Conflicting options: Nano CPUs and CPU Quota cannot both be set'],
    [{ CpusetCpus: '0-7' }, 'Requested CPUs are not available - requested 0-7, available: 0-1'],
    [
      { RestartPolicy: { Name: 'always', MaximumRetryCount: 2 } },
      "maximum retry count cannot be used with restart policy 'always'",
    ],
    [{ RestartPolicy: { Name: 'sometimes' as 'no' } }, "invalid restart policy 'sometimes'"],
    [{ AutoRemove: true, RestartPolicy: { Name: 'always' } }, "can't create 'AutoRemove' container with restart policy"],
    [{ Runtime: 'kata' }, 'unknown or invalid runtime name: kata'],
    [{ PortBindings: { 'x/tcp': [] } }, 'invalid port specification: "x/tcp"'],
    [{ PortBindings: { '80/tcp': [{ HostPort: '99999' }] } }, 'invalid port specification: "99999"'],
    [{ Mounts: [{ Type: 'bind', Target: '/a' }] }, 'invalid mount config for type "bind": field Source must not be empty'],
    [{ Binds: ['/a:/d', '/b:/d'] }, 'Duplicate mount point: /d'],
    [{ Ulimits: [{ Name: 'nofile', Soft: 9, Hard: 3 }] }, 'ulimit soft limit must be less than or equal to hard limit: 9 > 3'],
    [
      { NetworkMode: 'container:x', PortBindings: { '80/tcp': [] } },
      'conflicting options: port publishing and the container type network mode',
    ],
    [{ CapAdd: ['FLY'] }, 'invalid CapAdd: unknown capability: "CAP_FLY"'],
    [{ SecurityOpt: ['what'] }, 'invalid --security-opt 1: "what"'],
    [{ OomScoreAdj: 2000 }, 'Invalid value 2000, range for oom score adj is [-1000, 1000]'],
    [{ IpcMode: 'odd' }, 'invalid IPC mode: odd'],
    [{ Tmpfs: { '/t': 'size=1m,foo' } }, 'Invalid tmpfs option "foo"'],
    [{ DeviceCgroupRules: ['c 1 rwm'] }, "invalid device cgroup rule format: 'c 1 rwm'"],
    [{ Memory: 32 << 20, NanoCpus: 5e8, Binds: ['v:/d'], Tmpfs: { '/t': 'size=1m,mode=700' } }, ''],
  ];
  assert.equal(
    cases.map(([given]) => refusal(() => validateCreate({}, given, context))),
    cases.map(([, text]) => text),
  );
});

test('a body with wrong JSON types is refused, unknown fields and null pass', () => {
  assert.match(
    refusal(() => checkShape('create', { HostConfig: { Memory: 'much' } })),
    /cannot unmarshal string .*HostConfig\.Memory of type int64/,
  );
  assert.match(
    refusal(() => checkShape('create', { Env: 'A=b' })),
    /Env of type \[\]/,
  );
  assert.match(
    refusal(() => checkShape('create', { HostConfig: { Memory: 1.5 } })),
    /int64/,
  );
  assert.is(
    refusal(() => checkShape('create', { Cmd: 'sh', Foo: 1, HostConfig: { Binds: null, Bar: [] } })),
    '',
  );
});

test('the configuration of the image completes that of the user', () => {
  const image: ContainerConfig = {
    Cmd: ['serve'],
    Entrypoint: ['/e'],
    Env: ['A=1', 'B=2'],
    Labels: { a: '1' },
    User: 'u',
    ExposedPorts: { '80/tcp': {} },
  };
  const cases: [ContainerConfig, Partial<ContainerConfig>][] = [
    [{}, { Entrypoint: ['/e'], Cmd: ['serve'] }],
    [{ Cmd: ['x'] }, { Entrypoint: ['/e'], Cmd: ['x'] }],
    [{ Entrypoint: ['/o'] }, { Entrypoint: ['/o'], Cmd: null }],
    [
      { Entrypoint: [''], Cmd: ['x'] },
      { Entrypoint: null, Cmd: ['x'] },
    ],
  ];
  for (const [own, want] of cases) {
    const { Entrypoint, Cmd } = mergeConfig(own, image);
    assert.equal({ Entrypoint, Cmd }, want);
  }
  const { Env, Labels, User, ExposedPorts } = mergeConfig({ Env: ['B=3'], Labels: { b: '2' }, User: '' }, image);
  assert.equal(
    { Env, Labels, User, ExposedPorts },
    { Env: ['B=3', 'A=1'], Labels: { a: '1', b: '2' }, User: 'u', ExposedPorts: { '80/tcp': {} } },
  );
  assert.is(
    refusal(() => mergeConfig({}, {})),
    'No command specified',
  );
  assert.equal(mergeEnv(['A=1', 'B=2'], ['B=3', 'A']), ['B=3']);
});

test('names: the rule, the text, generated ones avoid what is taken', () => {
  assert.is(checkName('/web-1'), 'web-1');
  assert.is(
    refusal(() => checkName('x')),
    'Invalid container name (x), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed',
  );
  let asked = 0;
  assert.match(
    randomName(() => asked++ < 10),
    /^[a-z]+_[a-z]+\d+$/,
  );
});

test('volume specifications are read as Docker reads them', () => {
  const read = (text: string) => {
    const { source, destination, isBind, readOnly, propagation } = parseVolumeSpec(text);
    return [source, destination, isBind, readOnly, propagation];
  };
  assert.equal(read('/d'), ['', '/d', false, false, '']);
  assert.equal(read('name:/d:ro'), ['name', '/d', false, true, '']);
  assert.equal(read('/h/:/d/:ro,rslave,z'), ['/h', '/d', true, true, 'rslave']);
  for (const text of ['/a:/b:/c:ro', '/a:', ':/b', '/a:b', '/a:/b:ro,rw', 'v:/b:shared', 'b/ad:/d', 'v:/']) {
    assert.not.equal(
      refusal(() => parseVolumeSpec(text)),
      '',
      text,
    );
  }
});

test('signals by name and number; published ports with all exposed ones', () => {
  assert.equal(['SIGTERM', 'usr1', '9', 'RTMIN+3'].map(parseSignal), [15, 10, 9, 37]);
  assert.is(
    refusal(() => parseSignal('SIGNOPE')),
    'Invalid signal: SIGNOPE',
  );
  assert.equal(
    wantedPorts(
      { ExposedPorts: { '80': {}, '53/udp': {} } },
      { PublishAllPorts: true, PortBindings: { '80/tcp': [{ HostPort: '8' }] } },
    ),
    {
      '80/tcp': [{ HostPort: '8' }],
      '53/udp': [{ HostIp: '', HostPort: '' }],
    },
  );
});

test.run();
