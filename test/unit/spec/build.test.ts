import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { buildSpec } from '../../../daemon/spec/build.ts';
import { allCapabilities, defaultCapabilities } from '../../../daemon/spec/capabilities.ts';
import type { HostFacts, SpecInput } from '../../../daemon/spec/contract.ts';

const host: HostFacts = {
  cgroupVersion: 1,
  capabilities: new Set(allCapabilities.filter((name) => name !== 'CAP_SYS_RESOURCE')),
  minOomScoreAdj: -5,
  rlimitCeilings: { RLIMIT_NOFILE: 1000 },
  apparmor: false,
  seccomp: true,
  architecture: 'x64',
  controllers: new Set(['cpu', 'cpuset', 'memory', 'pids', 'blkio', 'devices']),
  cpus: 2,
  memoryBytes: 1 << 30,
};

function input(changes: Partial<SpecInput> = {}): SpecInput {
  return {
    containerId: 'c1',
    config: {},
    hostConfig: {},
    args: ['sh'],
    env: ['PATH=/bin'],
    workingDir: '/w',
    user: { uid: 0, gid: 0, additionalGids: [0, 10] },
    hostname: 'h',
    mounts: [],
    namespaces: { network: '/run/netns/x', pid: 'private', ipc: 'private', uts: 'private', cgroup: 'host' },
    cgroupsPath: '/pouchd/c1',
    rootfsPath: 'rootfs',
    prestart: [],
    annotations: {},
    host,
    ...changes,
  };
}

test('an ordinary container has the default capabilities, masked paths, seccomp and namespaces', () => {
  const spec = buildSpec(input());
  assert.equal(spec.process.capabilities?.effective, [...defaultCapabilities]);
  assert.is(spec.process.oomScoreAdj, 0);
  assert.ok(spec.linux.maskedPaths?.includes('/proc/kcore'));
  assert.ok(spec.linux.readonlyPaths?.includes('/proc/sys'));
  assert.is((spec.linux.seccomp as { defaultAction: string }).defaultAction, 'SCMP_ACT_ERRNO');
  assert.equal(spec.linux.namespaces, [
    { type: 'mount' },
    { type: 'network', path: '/run/netns/x' },
    { type: 'pid' },
    { type: 'ipc' },
    { type: 'uts' },
  ]);
  assert.is(spec.hooks, undefined);
});

test('a privileged container gets what the daemon itself has, and nothing is masked', () => {
  const spec = buildSpec(input({ hostConfig: { Privileged: true } }));
  assert.equal(spec.process.capabilities?.bounding, [...host.capabilities]);
  assert.equal([spec.linux.maskedPaths, spec.linux.readonlyPaths, spec.linux.seccomp], [[], [], undefined]);
  assert.equal((spec.linux.resources as { devices: unknown }).devices, [{ allow: true, access: 'rwm' }]);
  assert.ok(spec.mounts.find((mount) => mount.destination === '/sys')?.options.includes('rw'));
});

test('another user than root keeps the bounding set only', () => {
  const spec = buildSpec(input({ user: { uid: 7, gid: 7, additionalGids: [] } }));
  assert.equal(spec.process.capabilities?.effective, []);
  assert.equal(spec.process.capabilities?.bounding, [...defaultCapabilities]);
});

test('what the host cannot do is fitted instead of failing in the runtime', () => {
  const spec = buildSpec(
    input({ hostConfig: { OomScoreAdj: -900, Ulimits: [{ Name: 'nofile', Soft: 500, Hard: 5000 }], CapAdd: ['SYS_RESOURCE'] } }),
  );
  assert.is(spec.process.oomScoreAdj, -5);
  assert.equal(spec.process.rlimits, [{ type: 'RLIMIT_NOFILE', soft: 500, hard: 1000 }]);
  assert.not.ok(spec.process.capabilities?.bounding.includes('CAP_SYS_RESOURCE'));
});

test('limits become resources of the runtime', () => {
  const { resources } = buildSpec(
    input({ hostConfig: { Memory: 1 << 25, NanoCpus: 5e8, PidsLimit: 77, CpuShares: 512, BlkioWeight: 300, CpusetCpus: '0' } }),
  ).linux;
  const { devices: _devices, ...limits } = resources as Record<string, unknown>;
  assert.equal(limits, {
    memory: { limit: 1 << 25, swap: 1 << 26 },
    cpu: { shares: 512, quota: 50_000, period: 100_000, cpus: '0' },
    pids: { limit: 77 },
    blockIO: { weight: 300 },
  });
});

test('mounts come in order of depth, and one of the container at a system place wins', () => {
  const bind = (destination: string) => ({ type: 'bind' as const, source: '/s', destination, readOnly: true, options: [] });
  const { mounts } = buildSpec(input({ mounts: [bind('/a/b'), bind('/a'), bind('/dev/mqueue')] }));
  const places = mounts.map((mount) => mount.destination);
  assert.equal(places.filter((place) => place === '/dev/mqueue').length, 1);
  assert.equal(places.slice(-3), ['/a', '/a/b', '/dev/mqueue']);
  assert.equal(mounts.at(-1), { destination: '/dev/mqueue', type: 'bind', source: '/s', options: ['rbind', 'ro', 'rprivate'] });
});

test('prestart entries stand in their order before user hooks', () => {
  const { hooks } = buildSpec(
    input({
      prestart: [{ path: '/p', args: ['p', 'x'], timeout: 3 }],
      ociHooks: { prestart: [{ path: '/u' }], poststop: [{ path: '/s' }] },
    }),
  );
  assert.equal(hooks, { prestart: [{ path: '/p', args: ['p', 'x'], timeout: 3 }, { path: '/u' }], poststop: [{ path: '/s' }] });
});

test('security options: no new privileges, another profile, none', () => {
  const profile = { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: ['mount'], action: 'SCMP_ACT_ERRNO' }] };
  const own = buildSpec(input({ hostConfig: { SecurityOpt: ['no-new-privileges', `seccomp=${JSON.stringify(profile)}`] } }));
  assert.is(own.process.noNewPrivileges, true);
  assert.equal(own.linux.seccomp, {
    defaultAction: 'SCMP_ACT_ALLOW',
    architectures: [],
    syscalls: [{ names: ['mount'], action: 'SCMP_ACT_ERRNO' }],
  });
  assert.is(buildSpec(input({ hostConfig: { SecurityOpt: ['seccomp=unconfined'] } })).linux.seccomp, undefined);
});

test('capabilities open system calls, and clone3 is refused without CAP_SYS_ADMIN', () => {
  type Seccomp = { syscalls: { names: string[]; action: string; errnoRet?: number }[] };
  const names = (caps: string[]) =>
    (buildSpec(input({ hostConfig: { CapAdd: caps } })).linux.seccomp as Seccomp).syscalls.filter(
      (rule) => rule.action === 'SCMP_ACT_ALLOW',
    );
  const allowed = (caps: string[], call: string) => names(caps).some((rule) => rule.names.includes(call));
  assert.equal([allowed([], 'mount'), allowed(['SYS_ADMIN'], 'mount'), allowed([], 'openat')], [false, true, true]);
  const plain = buildSpec(input()).linux.seccomp as Seccomp;
  assert.is(plain.syscalls.find((rule) => rule.names.includes('clone3'))?.errnoRet, 38);
});

test.run();
