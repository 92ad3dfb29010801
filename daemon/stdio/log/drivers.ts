/*
 * The table of log drivers: which options each takes and how it opens. Options are checked by name when a container is created (syslog's by value
 * too), else by value when its log is opened: Docker does the same, so a bad size is an error of start.
 */
import { invalidArgument } from '../../errors/error.ts';
import type { Logger } from '../../lib/log.ts';
import type { ContainerLog, LogRequest } from '../contract.ts';
import { attributeOptions } from './attributes.ts';
import { parseSize } from './size.ts';
import { syslogAddress, syslogFacility, syslogFormatter } from './syslog-format.ts';

/** One log driver. */
export interface LogDriver {
  /** Throws invalidArgument with Docker's text for an option that it does not know. */
  validate(config: Record<string, string>): void;
  open(request: LogRequest, log: Logger): Promise<ContainerLog>;
}

/** Throws `unknown log opt 'x' for WHAT` for options beyond `accepted`. */
function accept(accepted: readonly string[], what: string): (config: Record<string, string>) => void {
  return (config) => {
    for (const key of Object.keys(config)) {
      if (!accepted.includes(key)) throw invalidArgument(`unknown log opt '${key}' for ${what}`);
    }
  };
}

const fileOptions = ['max-file', 'max-size', 'compress'];
const syslogOptions = [
  'syslog-address',
  'syslog-facility',
  'syslog-tls-ca-cert',
  'syslog-tls-cert',
  'syslog-tls-key',
  'syslog-tls-skip-verify',
  'syslog-format',
];

/** The drivers by name. Each is loaded when the first container uses it. */
export const logDrivers: Readonly<Record<string, LogDriver>> = {
  'json-file': {
    validate: accept([...fileOptions, ...attributeOptions, 'tag'], 'json-file log driver'),
    open: async (request, log) => (await import('./open-file.ts')).openJsonFile(request, log),
  },
  local: {
    validate: accept(fileOptions, 'log driver local'),
    open: async (request, log) => (await import('./open-file.ts')).openLocal(request, log),
  },
  none: {
    validate: () => undefined,
    open: async () => (await import('./no-log.ts')).noLog,
  },
  syslog: {
    validate: (config) => {
      accept([...syslogOptions, ...attributeOptions, 'tag'], 'syslog log driver')(config);
      syslogAddress(config['syslog-address']);
      syslogFacility(config['syslog-facility']);
      syslogFormatter(config['syslog-format']);
    },
    open: async (request, log) => (await import('./syslog.ts')).openSyslog(request, log),
  },
  journald: {
    validate: accept([...attributeOptions, 'tag'], 'journald log driver'),
    open: async (request, log) => (await import('./journald.ts')).openJournald(request, log),
  },
};

/** The driver of that name. Throws invalidArgument with Docker's text when there is none. */
export function logDriver(name: string): LogDriver {
  const driver = Object.hasOwn(logDrivers, name) ? logDrivers[name] : undefined;
  if (!driver) throw invalidArgument(`logger: no log driver named '${name}' is registered`);
  return driver;
}

/** Docker's check of `HostConfig.LogConfig`: modes and buffer size for every driver, then the driver's own. An empty type is json-file. */
export function validateLogConfig(type: string, config: Record<string, string>): void {
  if (type === 'none') return;
  const { mode, 'max-buffer-size': bufferSize, ...own } = config;
  if (mode !== undefined && !['', 'blocking', 'non-blocking'].includes(mode)) {
    throw invalidArgument(`logger: logging mode not supported: ${mode}`);
  }
  if (bufferSize !== undefined) {
    if (mode !== 'non-blocking')
      throw invalidArgument("logger: max-buffer-size option is only supported with 'mode=non-blocking'");
    if (parseSize(bufferSize, { binary: true }) === undefined) {
      throw invalidArgument(`error parsing option max-buffer-size: invalid size: '${bufferSize}'`);
    }
  }
  logDriver(type || 'json-file').validate(own);
}
