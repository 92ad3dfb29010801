import { invalidArgument } from '../errors/error.ts';
import { closest } from './closest.ts';
import type { Option } from './option.ts';
import { options } from './options.ts';
import { fromFlag } from './value.ts';

/** What a command line says: option values by key, and the flags that are no options. */
export interface ParsedFlags {
  readonly values: Map<string, unknown>;
  readonly configFile: string | undefined;
  readonly help: boolean;
  readonly version: boolean;
  /** Words that are no flags. */
  readonly rest: string[];
}

const byFlag = new Map<string, Option>();
for (const option of options as readonly Option[]) {
  if (option.flag) byFlag.set(`--${option.flag}`, option);
  if (option.short) byFlag.set(`-${option.short}`, option);
}

/**
 * Reads a command line: `--flag value`, `--flag=value`, `-H value`, `-Hvalue`; a true/false flag stands alone or has `=false`. Throws invalidArgument for an unknown flag
 * (with the nearest known one), a missing value, and a flag given twice that is not repeatable.
 */
export function parseFlags(argv: readonly string[]): ParsedFlags {
  const values = new Map<string, unknown>();
  const rest: string[] = [];
  let configFile: string | undefined;
  let help = false;
  let version = false;
  const queue = [...argv];
  for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
    if (word === '--') {
      rest.push(...queue);
      break;
    }
    if (!word.startsWith('-') || word === '-') {
      rest.push(word);
      continue;
    }
    const { name, inline } = split(word);
    const take = (): string => {
      const text = inline ?? queue.shift();
      if (text === undefined) throw invalidArgument(`flag ${name} needs a value; see pouchd --help`);
      return text;
    };
    if (name === '--help' || name === '-h') help = true;
    else if (name === '--version' || name === '-v') version = true;
    else if (name === '--config') {
      if (configFile !== undefined) throw invalidArgument('flag --config is given twice; give it once');
      configFile = take();
    } else {
      const option = byFlag.get(name);
      if (!option) throw unknownFlag(name);
      const text = option.kind === 'boolean' ? (inline ?? 'true') : take();
      add(values, option, fromFlag(option, text, { text: `flag ${name}` }), name);
    }
  }
  return { values, configFile, help, version, rest };
}

function split(word: string): { name: string; inline: string | undefined } {
  if (word.startsWith('--')) {
    const at = word.indexOf('=');
    return at < 0 ? { name: word, inline: undefined } : { name: word.slice(0, at), inline: word.slice(at + 1) };
  }
  return { name: word.slice(0, 2), inline: word.length > 2 ? word.slice(2).replace(/^=/, '') : undefined };
}

function add(values: Map<string, unknown>, option: Option, value: unknown, name: string): void {
  const before = values.get(option.key);
  if (option.kind === 'list') values.set(option.key, [...((before as unknown[] | undefined) ?? []), value]);
  else if (option.kind === 'map') values.set(option.key, mergeMap(before, value, name));
  else if (before !== undefined) throw invalidArgument(`flag ${name} is given twice; give it once`);
  else values.set(option.key, value);
}

function mergeMap(before: unknown, value: unknown, name: string): Record<string, unknown> {
  const merged = { ...(before as Record<string, unknown> | undefined) };
  for (const [key, one] of Object.entries(value as Record<string, unknown>)) {
    if (key in merged) throw invalidArgument(`flag ${name} gives ${key} twice; give it once`);
    merged[key] = one;
  }
  return merged;
}

function unknownFlag(name: string): Error {
  const near = closest(name, [...byFlag.keys(), '--config', '--help', '--version']);
  return invalidArgument(`unknown flag ${name}${near ? ` (did you mean ${near}?)` : ''}; see pouchd --help`);
}
