import { invalidArgument } from '../errors/error.ts';
import { normaliseCapability } from '../spec/capabilities.ts';
import type { HostFacts } from '../spec/contract.ts';
import { parseSeccomp } from '../spec/seccomp.ts';
import { securityOptions } from '../spec/security-options.ts';
import type { ContainerConfig, HealthConfig, HostConfig, RestartPolicy } from '../types/docker/container.ts';
import { checkMounts } from './mount-spec.ts';
import { checkPorts } from './ports.ts';
import { parseSignal } from './signals.ts';
import { checkAddresses, checkModes } from './validate-modes.ts';
import { checkResources } from './validate-resources.ts';

/** What validation needs to know of the daemon. */
export interface ValidationContext {
  host: Pick<HostFacts, 'cpus' | 'cgroupVersion'>;
  runtimes: readonly string[];
  validateLogConfig(type: string, config: Record<string, string>): void;
}

/** Checks everything a create asks for that needs neither image nor network. Throws invalidArgument with Docker's texts; returns warnings. */
export function validateCreate(config: ContainerConfig, hostConfig: HostConfig, context: ValidationContext): string[] {
  checkConfig(config);
  const warnings = [...checkModes(config, hostConfig), ...checkResources(hostConfig, context.host)];
  checkRestartPolicy(hostConfig.RestartPolicy ?? {}, hostConfig.AutoRemove === true);
  checkPorts(config, hostConfig);
  checkAddresses(config, hostConfig);
  checkMounts(hostConfig);
  checkSecurity(hostConfig);
  const score = hostConfig.OomScoreAdj ?? 0;
  if (score < -1000 || score > 1000) throw invalidArgument(`Invalid value ${score}, range for oom score adj is [-1000, 1000]`);
  if ((hostConfig.ShmSize ?? 0) < 0) throw invalidArgument('SHM size can not be less than 0');
  const runtime = hostConfig.Runtime ?? '';
  if (runtime !== '' && !context.runtimes.includes(runtime)) throw invalidArgument(`unknown or invalid runtime name: ${runtime}`);
  if (hostConfig.LogConfig?.Type) context.validateLogConfig(hostConfig.LogConfig.Type, hostConfig.LogConfig.Config ?? {});
  for (const from of hostConfig.VolumesFrom ?? []) {
    const mode = from.split(':')[1];
    if (from === '' || (mode !== undefined && !['ro', 'rw', 'z', 'Z'].includes(mode)))
      throw invalidArgument(`invalid mode: ${mode ?? from}`);
  }
  return warnings;
}

function checkConfig(config: ContainerConfig): void {
  for (const entry of config.Env ?? []) {
    if (entry === '' || entry.startsWith('=')) throw invalidArgument(`invalid environment variable: ${entry}`);
  }
  if (config.WorkingDir && !config.WorkingDir.startsWith('/')) {
    throw invalidArgument(`the working directory '${config.WorkingDir}' is invalid, it needs to be an absolute path`);
  }
  if (config.StopSignal) parseSignal(config.StopSignal);
  if (config.Healthcheck) checkHealth(config.Healthcheck);
  for (const path of Object.keys(config.Volumes ?? {})) {
    if (!path.startsWith('/')) throw invalidArgument(`invalid volume: ${path}: destination must be an absolute path`);
  }
}

function checkHealth(check: HealthConfig): void {
  for (const key of ['Interval', 'Timeout', 'StartPeriod', 'StartInterval'] as const) {
    const value = check[key] ?? 0;
    if (value !== 0 && value < 1_000_000) throw invalidArgument(`${key} in Healthcheck cannot be less than 1ms`);
  }
  if ((check.Retries ?? 0) < 0) throw invalidArgument('Retries in Healthcheck cannot be negative');
  const kind = check.Test?.[0];
  if (kind && !['NONE', 'CMD', 'CMD-SHELL'].includes(kind)) throw invalidArgument(`Unknown healthcheck type: ${kind}`);
}

/** Checks a restart policy; also for update. */
export function checkRestartPolicy(policy: RestartPolicy, autoRemove: boolean): void {
  const name: string = policy.Name ?? '';
  const count = policy.MaximumRetryCount ?? 0;
  switch (name) {
    case 'always':
    case 'unless-stopped':
    case 'no':
      if (count !== 0) throw invalidArgument(`maximum retry count cannot be used with restart policy '${name}'`);
      break;
    case 'on-failure':
      if (count < 0) throw invalidArgument('maximum retry count cannot be negative');
      break;
    case '':
      break;
    default:
      throw invalidArgument(`invalid restart policy '${name}'`);
  }
  if (autoRemove && name !== '' && name !== 'no')
    throw invalidArgument("can't create 'AutoRemove' container with restart policy");
}

function checkSecurity(hostConfig: HostConfig): void {
  for (const [field, names] of [
    ['CapAdd', hostConfig.CapAdd],
    ['CapDrop', hostConfig.CapDrop],
  ] as const) {
    for (const name of names ?? []) {
      try {
        normaliseCapability(name);
      } catch (error) {
        const shown = `CAP_${name.toUpperCase().replace(/^CAP_/, '')}`;
        throw invalidArgument(`invalid ${field}: unknown capability: ${JSON.stringify(shown)}`, error);
      }
    }
  }
  const { seccomp } = securityOptions(hostConfig.SecurityOpt);
  if (seccomp !== undefined && seccomp !== 'unconfined' && seccomp !== 'builtin') parseSeccomp(seccomp);
}
