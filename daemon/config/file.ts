import { readFileSync } from 'node:fs';
import { invalidArgument, messageOf } from '../errors/error.ts';
import { closest } from './closest.ts';
import type { Option } from './option.ts';
import { options } from './options.ts';
import { fromFile } from './value.ts';

const byKey = new Map<string, Option>((options as readonly Option[]).map((option) => [option.key, option]));
const byDocker = new Map<string, Option>(
  (options as readonly Option[]).flatMap((option) => (option.docker ? [[option.docker, option] as const] : [])),
);
const sections = new Set([...byKey.keys()].flatMap((key) => prefixes(key)));

/** Keys of Docker's daemon.json that say what is always so here. */
const ignored = new Set(['$schema', 'live-restore', 'experimental', 'userland-proxy']);

/**
 * Reads a configuration file: option values by key. Throws invalidArgument for a file that is missing (unless `mayMiss`), not JSON, has an unknown key (told with
 * its path and the nearest known one), a value of the wrong type, or the same option in our spelling and in Docker's.
 */
export function readConfigFile(path: string, mayMiss: boolean): Map<string, unknown> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (mayMiss && (error as NodeJS.ErrnoException).code === 'ENOENT') return new Map(); // fs errors carry a code
    throw invalidArgument(`cannot read config file ${path}: ${messageOf(error)}`, error);
  }
  return parseConfig(text, path);
}

/** The same from text; `path` is only for messages. An empty text is an empty configuration. */
export function parseConfig(text: string, path: string): Map<string, unknown> {
  let json: unknown = {};
  try {
    if (text.trim() !== '') json = JSON.parse(text);
  } catch (error) {
    throw invalidArgument(`config file ${path} is not JSON: ${messageOf(error)}`, error);
  }
  if (!isObject(json)) throw invalidArgument(`config file ${path} must hold one JSON object`);
  const values = new Map<string, unknown>();
  walk(json, '', path, values);
  return values;
}

function walk(object: Record<string, unknown>, prefix: string, path: string, values: Map<string, unknown>): void {
  for (const [name, value] of Object.entries(object)) {
    const key = prefix + name;
    if (prefix === '' && ignored.has(name)) continue;
    if (sections.has(key) && isObject(value)) {
      walk(value, `${key}.`, path, values);
      continue;
    }
    const option = byKey.get(key) ?? (prefix === '' ? byDocker.get(name) : undefined);
    if (!option) throw unknownKey(key, path);
    if (values.has(option.key))
      throw invalidArgument(`config file ${path}: ${option.key} is given twice, also as ${key}; keep one`);
    values.set(option.key, fromFile(option, value, { text: `config file ${path}: ${key}` }));
  }
}

function unknownKey(key: string, path: string): Error {
  const near = closest(key, [...byKey.keys(), ...sections]);
  return invalidArgument(
    `config file ${path}: unknown key ${JSON.stringify(key)}${near ? ` (did you mean ${JSON.stringify(near)}?)` : ''}; pouchd --help lists all keys`,
  );
}

function prefixes(key: string): string[] {
  const parts = key.split('.');
  return parts.slice(1).map((_, at) => parts.slice(0, at + 1).join('.'));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
