/*
 * Every option of the daemon as one table: flags, the JSON file, --help, defaults and checks derive from it. `key` is the path in DaemonConfig and in the file;
 * `docker` is the key of Docker's daemon.json that means the same and is accepted too.
 */
import { containersOptions } from './options-containers.ts';
import { daemonOptions } from './options-daemon.ts';
import { networksOptions } from './options-networks.ts';
import { pluginsOptions } from './options-plugins.ts';

/** Where the configuration file is looked for when --config does not say. */
export const defaultConfigFile = '/etc/pouchd/config.json';

/** All options, in the order of --help. */
export const options = [...daemonOptions, ...containersOptions, ...networksOptions, ...pluginsOptions] as const;
