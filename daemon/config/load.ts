import { invalidArgument } from '../errors/error.ts';
import { refuseOpenTcp } from '../lib/listen-address.ts';
import type { DaemonConfig } from './contract.ts';
import { readConfigFile } from './file.ts';
import type { ParsedFlags } from './flags.ts';
import type { Option } from './option.ts';
import { defaultConfigFile, options } from './options.ts';
import { checkValue } from './value.ts';

/** A configuration and the file it was read from (whether or not it is there). */
export interface LoadedConfig {
  readonly config: DaemonConfig;
  readonly file: string;
}

/** Merges flags, file and defaults. Throws invalidArgument for a value that is given both as a flag and in the file, and for values that do not fit. */
export function loadConfig(flags: Pick<ParsedFlags, 'values' | 'configFile'>): LoadedConfig {
  const file = flags.configFile ?? defaultConfigFile;
  const fromFile = readConfigFile(file, flags.configFile === undefined);
  const merged: Record<string, unknown> = {};
  for (const option of options as readonly Option[]) {
    const inFlags = flags.values.has(option.key);
    const inFile = fromFile.has(option.key);
    if (inFlags && inFile) {
      throw invalidArgument(
        `${option.key} is given twice: as flag --${option.flag} and in config file ${file}; keep one of them`,
      );
    }
    const origin = { text: inFlags ? `flag --${option.flag}` : `config file ${file}: ${option.key}` };
    const value = inFlags ? flags.values.get(option.key) : inFile ? fromFile.get(option.key) : structuredClone(option.default);
    if (inFlags || inFile) checkValue(option, value, origin);
    place(merged, option.key, value);
  }
  const config = merged as unknown as DaemonConfig; // the table has every key of DaemonConfig: a unit test compares them
  checkWhole(config);
  return { config, file };
}

/** The configuration when nothing is said. */
export function defaultConfig(): DaemonConfig {
  const merged: Record<string, unknown> = {};
  for (const option of options as readonly Option[]) place(merged, option.key, structuredClone(option.default));
  return merged as unknown as DaemonConfig; // as above
}

/** Reads flags and file again and takes the reloadable options over into `current`, in place, so that all rooms see them. Gives the keys that changed. */
export function reloadConfig(current: DaemonConfig, flags: Pick<ParsedFlags, 'values' | 'configFile'>): string[] {
  const { config } = loadConfig(flags);
  const changed: string[] = [];
  for (const option of options as readonly Option[]) {
    if (!option.reload) continue;
    const value = lookUp(config, option.key);
    if (JSON.stringify(value) === JSON.stringify(lookUp(current, option.key))) continue;
    place(current as unknown as Record<string, unknown>, option.key, value);
    changed.push(option.key);
  }
  return changed;
}

function checkWhole(config: DaemonConfig): void {
  if (config.hosts.length === 0)
    throw invalidArgument('hosts is empty; name at least one place to listen, e.g. unix:///var/run/pouchd.sock');
  const { tls } = config;
  if ((tls.certFile === '') !== (tls.keyFile === ''))
    throw invalidArgument('TLS needs both a certificate and its key; give --tlscert and --tlskey');
  if (tls.verify && (tls.caFile === '' || tls.certFile === '')) {
    throw invalidArgument('--tlsverify needs --tlscacert, --tlscert and --tlskey');
  }
  for (const host of config.hosts) refuseOpenTcp(host, tls.certFile !== '');
  for (const host of config.grpc.hosts) refuseOpenTcp(host, config.grpc.tls.certFile !== '');
  if (!Object.hasOwn(config.runtimes, config.defaultRuntime) && !config.defaultRuntime.startsWith('io.containerd.')) {
    throw invalidArgument(
      `runtime ${config.defaultRuntime} is not known; known are ${Object.keys(config.runtimes).join(', ')}, others go under runtimes in the config file`,
    );
  }
}

function place(target: Record<string, unknown>, key: string, value: unknown): void {
  const parts = key.split('.');
  const last = parts.pop() ?? key;
  let at = target;
  for (const part of parts) {
    at[part] ??= {};
    at = at[part] as Record<string, unknown>; // sections are made here
  }
  at[last] = value;
}

function lookUp(config: DaemonConfig, key: string): unknown {
  let at: unknown = config;
  for (const part of key.split('.')) at = (at as Record<string, unknown>)[part];
  return at;
}
