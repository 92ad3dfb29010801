import { engineVersion } from '../../lib/version.ts';
import { newestVersion } from './version.ts';

/** Headers of every answer, as Docker spells them. */
export const commonHeaders = {
  'Api-Version': newestVersion,
  'Docker-Experimental': 'false',
  Ostype: 'linux',
  Server: `Docker/${engineVersion} (linux)`,
} as const;

/** The same, flat, as `writeHead` takes them fastest. */
export const commonHeaderList: readonly string[] = Object.entries(commonHeaders).flat();

/** What answers of `/_ping` have besides. Builder 1: there is no BuildKit in here, so clients use `POST /build`. */
export const pingHeaders = {
  'Builder-Version': '1',
  'Cache-Control': 'no-cache, no-store, must-revalidate',
  Pragma: 'no-cache',
  Swarm: 'inactive',
} as const;

/** Docker's clients compare this text: a charset after it makes them print the raw JSON of an error. */
export const jsonType = 'application/json';
