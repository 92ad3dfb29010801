/*
 * Where the executable starts. Only what every start needs is imported here: the rooms load after the configuration is known to be good, and `--help` never loads
 * them. Must stay bundleable as CommonJS, see build/contract.md.
 */

import { type ParsedFlags, parseFlags } from '../config/flags.ts';
import { helpText } from '../config/help.ts';
import { loadConfig } from '../config/load.ts';
import type { ContainerdSupervisor } from '../ctrd/supervisor.ts';
import { kindOf, messageOf } from '../errors/error.ts';
import { createLogger, type Logger } from '../lib/log.ts';
import { engineVersion, program } from '../lib/version.ts';
import { isWarmStart } from '../lib/warm.ts';
import { startContainerdEarly } from './early.ts';
import { lockRoot, type RootLock } from './lock.ts';
import { loadPlugins } from './manifest.ts';

/** Exit codes: 0 fine, 1 the daemon could not start or stop, 2 it was called wrongly. */
async function main(args: readonly string[]): Promise<number> {
  if (program === 'pouch') return (await import('../cli/main.ts')).runCli(args);
  if (args[0] === 'plugins') return (await import('./plugins-command.ts')).pluginsCommand(args.slice(1));
  let flags: ParsedFlags;
  let loaded: ReturnType<typeof loadConfig>;
  try {
    flags = parseFlags(args);
    if (flags.help) return print(helpText());
    if (flags.version) return print(`pouchd version ${engineVersion}\n`);
    const [word] = flags.rest;
    if (word !== undefined) return complain(`unknown command ${word}; pouchd --help tells what there is`, 2);
    loaded = loadConfig(flags);
  } catch (error) {
    return complain(messageOf(error), 2);
  }
  const { config } = loaded;
  const { log, setDebug } = switchableLogger(config.logFormat, config.debug);
  let containerd: ContainerdSupervisor | undefined;
  let lock: RootLock | undefined;
  try {
    log.debug('configuration read', { sinceStartMs: Math.round(performance.now()) });
    lock = lockRoot(config.root, config.state);
    await loadAllPlugins(config.plugin);
    containerd = isWarmStart() ? undefined : startContainerdEarly(config, log);
    const { runDaemon } = await import('./run.ts');
    await runDaemon({ config, flags, log, setDebug, containerd });
    log.info('daemon stopped');
    return 0;
  } catch (error) {
    log.error('daemon cannot start', { error: kindOf(error) === 'internal' ? error : messageOf(error) });
    return 1;
  } finally {
    await containerd?.stop(); // nothing when its room has done so
    lock?.release();
  }
}

/** Compiled-in plugins, then those of `--plugin=FILE`. */
async function loadAllPlugins(files: readonly string[]): Promise<void> {
  loadPlugins();
  if (files.length === 0) return;
  const { loadPluginFile } = await import('../hooks/load-file.ts');
  for (const file of files) loadPluginFile(file);
}

/** A logger whose debug lines can be turned on and off while it is in use. */
function switchableLogger(format: 'pretty' | 'json', debug: boolean): { log: Logger; setDebug(isDebug: boolean): void } {
  const full = createLogger({ format, debug: true });
  let isDebug = debug;
  const gated = (logger: Logger): Logger => ({
    ...logger,
    debug: (message, fields) => {
      if (isDebug) logger.debug(message, fields);
    },
    withTag: (tag) => gated(logger.withTag(tag)),
  });
  return {
    log: gated(full),
    setDebug(value) {
      isDebug = value;
    },
  };
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

function complain(text: string, code: number): number {
  process.stderr.write(`pouchd: ${text}\n`);
  return code;
}

void main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
    process.exit();
  },
  (error: unknown) => {
    process.stderr.write(`pouchd: ${error instanceof Error ? error.stack : messageOf(error)}\n`);
    process.exit(70);
  },
);
