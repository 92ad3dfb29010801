import { isIP } from 'node:net';

/** Judges of single values: each gives what is wrong, in words that follow the option's name, or undefined. */
export function nonEmpty(value: unknown): string | undefined {
  return String(value).trim() === '' ? 'must not be empty' : undefined;
}

/** A whole number within bounds. */
export function range(min: number, max = Number.MAX_SAFE_INTEGER): (value: unknown) => string | undefined {
  const text = max === Number.MAX_SAFE_INTEGER ? `at least ${min}` : `between ${min} and ${max}`;
  return (value) => (typeof value === 'number' && value >= min && value <= max ? undefined : `must be ${text}`);
}

/** `ADDRESS/BITS`, or empty. */
export function cidr(value: unknown): string | undefined {
  const [address = '', bits = '', ...rest] = String(value).split('/');
  const family = isIP(address);
  const isFine =
    value === '' || (rest.length === 0 && family > 0 && /^\d+$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
  return isFine ? undefined : 'must be an address with its subnet, e.g. 172.18.0.1/16';
}

/** `unix:///path`, `tcp://host:port` or `fd://`. */
export function hostUrl(value: unknown): string | undefined {
  const text = String(value);
  if (text.startsWith('unix://'))
    return text.startsWith('unix:///') ? undefined : 'must have an absolute path: unix:///run/pouchd.sock';
  if (text.startsWith('fd://')) return undefined;
  if (!text.startsWith('tcp://')) return 'must start with unix://, tcp:// or fd://';
  const port = /^tcp:\/\/(?:\[[0-9a-fA-F:]+\]|[^:/[\]\s]*):(\d+)\/?$/.exec(text)?.[1];
  return port !== undefined && Number(port) <= 65535 ? undefined : 'must be tcp://HOST:PORT';
}

/** `KEY=VALUE`. */
export function keyValue(value: unknown): string | undefined {
  return /^[^=\s][^=]*=/.test(String(value)) ? undefined : 'must be KEY=VALUE';
}

type Judge = (value: unknown) => boolean;

/** A judge of JSON with the words for its failure. */
export interface JsonShape {
  readonly says: string;
  readonly is: Judge;
}

/** Turns a judge into a check. */
export function shape(one: JsonShape): (value: unknown) => string | undefined {
  return (value) => (one.is(value) ? undefined : `must be ${one.says}`);
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === 'object' && !Array.isArray(value);
const isStrings: Judge = (value) => Array.isArray(value) && value.every((one) => typeof one === 'string');
const hasOnly = (value: Record<string, unknown>, keys: readonly string[]) =>
  Object.keys(value).every((key) => keys.includes(key));

/** The `runtimes` option. */
export const runtimeTable: JsonShape = {
  says: 'an object of { path, args? } by runtime name',
  is: (value) =>
    isObject(value) &&
    Object.values(value).every(
      (row) =>
        isObject(row) &&
        hasOnly(row, ['path', 'args']) &&
        typeof row['path'] === 'string' &&
        (row['args'] === undefined || isStrings(row['args'])),
    ),
};

/** Judges of the other options that only stand in the file. */
export const jsonCheck = {
  object: { says: 'an object', is: isObject },
  addressPools: {
    says: 'a list of { base: CIDR, size: prefix length }',
    is: (value) =>
      Array.isArray(value) &&
      value.every(
        (row) =>
          isObject(row) &&
          hasOnly(row, ['base', 'size']) &&
          cidr(row['base']) === undefined &&
          row['base'] !== '' &&
          Number.isInteger(row['size']),
      ),
  },
  proxyPlugins: {
    says: 'an object of { type, address, platform? } by name',
    is: (value) =>
      isObject(value) &&
      Object.values(value).every(
        (row) =>
          isObject(row) &&
          hasOnly(row, ['type', 'address', 'platform']) &&
          typeof row['type'] === 'string' &&
          typeof row['address'] === 'string',
      ),
  },
  streamProcessors: {
    says: 'an object of { accepts, returns, path, args?, env? } by id',
    is: (value) =>
      isObject(value) &&
      Object.values(value).every(
        (row) =>
          isObject(row) &&
          hasOnly(row, ['accepts', 'returns', 'path', 'args', 'env']) &&
          typeof row['returns'] === 'string' &&
          typeof row['path'] === 'string' &&
          Array.isArray(row['accepts']) &&
          [row['accepts'], row['args'] ?? [], row['env'] ?? []].every(
            (list) => Array.isArray(list) && list.every((word) => typeof word === 'string'),
          ),
      ),
  },
} satisfies Record<string, JsonShape>;

/** One word of a fixed set. */
export function oneOf(...words: string[]): (value: unknown) => string | undefined {
  return (value) => (words.includes(String(value)) ? undefined : `must be ${words.join(' or ')}`);
}
