/*
 * buildSpec is a pure function: configuration, image facts and resolved mounts in, config.json out. Whatever needs the host (users of the image, device numbers, namespaces of
 * other containers) was looked up before by containers/start. Where the host cannot do what is asked (capabilities, limits, scores) the value is fitted, never left to fail in the runtime.
 */
import { resolveCapabilities } from './capabilities.ts';
import type { SpecInput } from './contract.ts';
import { deviceNodes, deviceRules } from './devices.ts';
import { oomScoreOf, rlimitsOf } from './limits.ts';
import { mountsOf } from './mounts.ts';
import type { OciHook, OciLinux, OciProcess, OciSpec } from './oci.ts';
import { maskedPaths, readonlyPaths } from './paths.ts';
import { resourcesOf } from './resources.ts';
import { defaultSeccomp, parseSeccomp, resolveSeccomp } from './seccomp.ts';
import { securityOptions } from './security-options.ts';

/** Where `--init` finds its process inside the container. */
export const initDestination = '/sbin/docker-init';

/** The OCI specification of a container that is about to start. */
export function buildSpec(input: SpecInput): OciSpec {
  const capabilities = resolveCapabilities(input.hostConfig, input.host.capabilities);
  const mounts = mountsOf(input);
  if (input.initPath)
    mounts.push({ destination: initDestination, type: 'bind', source: input.initPath, options: ['bind', 'ro'] });
  const hooks = hooksOf(input);
  const shared = input.namespaces.uts === 'host';
  return {
    ociVersion: '1.0.2-dev',
    process: processOf(input, capabilities),
    root: { path: input.rootfsPath, readonly: input.hostConfig.ReadonlyRootfs === true },
    ...(shared ? {} : { hostname: input.hostname }),
    mounts,
    ...(hooks ? { hooks } : {}),
    ...(Object.keys(input.annotations).length > 0 ? { annotations: input.annotations } : {}),
    linux: linuxOf(input, capabilities),
  };
}

function processOf(input: SpecInput, capabilities: string[]): OciProcess {
  const { config, hostConfig, host, user } = input;
  const options = securityOptions(hostConfig.SecurityOpt);
  const [width, height] = [hostConfig.ConsoleSize?.[1] ?? 0, hostConfig.ConsoleSize?.[0] ?? 0];
  const rlimits = rlimitsOf(hostConfig.Ulimits ?? [], host.rlimitCeilings);
  const { uid, gid, additionalGids } = user;
  // A user other than root keeps nothing but the bounding set, as under Docker.
  const effective = uid === 0 || hostConfig.Privileged ? capabilities : [];
  return {
    terminal: config.Tty === true,
    ...(config.Tty && width && height ? { consoleSize: { height, width } } : {}),
    user: { uid, gid, ...(additionalGids.length > 0 ? { additionalGids } : {}) },
    args: input.initPath ? [initDestination, '--', ...input.args] : input.args,
    env: input.env,
    cwd: input.workingDir || '/',
    capabilities: { bounding: capabilities, effective, permitted: effective, inheritable: [], ambient: [] },
    ...(rlimits?.length ? { rlimits } : {}),
    noNewPrivileges: options.noNewPrivileges,
    ...(host.apparmor && options.apparmor && options.apparmor !== 'unconfined' ? { apparmorProfile: options.apparmor } : {}),
    oomScoreAdj: oomScoreOf(hostConfig.OomScoreAdj ?? 0, host),
  };
}

function linuxOf(input: SpecInput, capabilities: string[]): OciLinux {
  const { hostConfig, host } = input;
  const privileged = hostConfig.Privileged === true;
  const devices = input.devices ?? [];
  const options = securityOptions(hostConfig.SecurityOpt);
  const unmasked = privileged || options.unmasked;
  const rootfsPropagation = propagationOf(input);
  const domain: Record<string, string> =
    input.config.Domainname && input.namespaces.uts !== 'host' ? { 'kernel.domainname': input.config.Domainname } : {};
  const sysctl = { ...networkSysctls(input), ...domain, ...(hostConfig.Sysctls ?? {}) };
  const seccomp = seccompOf(input, capabilities);
  return {
    namespaces: namespacesOf(input),
    devices: deviceNodes(devices),
    cgroupsPath: input.cgroupsPath,
    resources: {
      ...resourcesOf(hostConfig, host, input.blockDevices),
      devices: deviceRules(devices, hostConfig.DeviceCgroupRules ?? [], privileged),
    },
    ...(seccomp ? { seccomp } : {}),
    ...(rootfsPropagation ? { rootfsPropagation } : {}),
    maskedPaths: unmasked ? [] : [...(hostConfig.MaskedPaths ?? maskedPaths)],
    readonlyPaths: unmasked ? [] : [...(hostConfig.ReadonlyPaths ?? readonlyPaths)],
    ...(Object.keys(sysctl).length > 0 ? { sysctl } : {}),
  };
}

function namespacesOf({ namespaces, host }: SpecInput): OciLinux['namespaces'] {
  const list: OciLinux['namespaces'] = [{ type: 'mount' }];
  if (namespaces.network !== 'host') list.push({ type: 'network', path: namespaces.network });
  for (const type of ['pid', 'ipc'] as const) {
    const wanted = namespaces[type];
    if (typeof wanted === 'object') list.push({ type, path: wanted.path });
    else if (wanted !== 'host') list.push({ type });
  }
  if (namespaces.uts !== 'host') list.push({ type: 'uts' });
  if (namespaces.cgroup === 'private' && (host.cgroupVersion === 2 || host.controllers.size > 0)) list.push({ type: 'cgroup' });
  return list;
}

/** As under Docker, an unprivileged program may bind port 80 and ping, in a network namespace of its own. */
function networkSysctls({ namespaces, ownsNetwork }: SpecInput): Record<string, string> {
  if (namespaces.network === 'host' || ownsNetwork === false) return {};
  return { 'net.ipv4.ip_unprivileged_port_start': '0', 'net.ipv4.ping_group_range': '0 2147483647' };
}

/** A shared or slave mount inside needs the root to be at least that. */
function propagationOf({ mounts }: SpecInput): string | undefined {
  const has = (name: string) => mounts.some((mount) => mount.options.some((one) => one === name || one === `r${name}`));
  if (has('shared')) return 'shared';
  return has('slave') ? 'rslave' : undefined;
}

function seccompOf({ hostConfig, host }: SpecInput, capabilities: string[]): unknown {
  if (!host.seccomp) return undefined;
  const { seccomp } = securityOptions(hostConfig.SecurityOpt);
  if (seccomp === 'unconfined' || (hostConfig.Privileged && seccomp === undefined)) return undefined;
  if (seccomp === undefined || seccomp === 'builtin') return defaultSeccomp(host.architecture, capabilities);
  return resolveSeccomp(parseSeccomp(seccomp), host.architecture, capabilities);
}

function hooksOf({ prestart, ociHooks }: SpecInput): OciSpec['hooks'] | undefined {
  const entries: OciHook[] = prestart.map(({ path, args, env, timeout }) => ({
    path,
    args,
    ...(env?.length ? { env } : {}),
    ...(timeout ? { timeout } : {}),
  }));
  const all = { ...ociHooks, prestart: [...entries, ...(ociHooks?.prestart ?? [])] };
  if (all.prestart.length > 0) return all;
  const { prestart: _none, ...rest } = all;
  return Object.keys(rest).length > 0 ? rest : undefined;
}
