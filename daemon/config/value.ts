import { invalidArgument } from '../errors/error.ts';
import type { Option } from './option.ts';

/** Where a value comes from, for messages: `flag --host`, `config file /etc/pouchd/config.json: hosts`. */
export interface Origin {
  readonly text: string;
}

/** Turns the text of a flag into the option's type; a `list` or `map` flag gives one entry. Throws invalidArgument naming the flag. */
export function fromFlag(option: Option, text: string, origin: Origin): unknown {
  switch (option.kind) {
    case 'boolean':
      if (/^(true|1|yes)$/i.test(text)) return true;
      if (/^(false|0|no)$/i.test(text)) return false;
      throw wrong(origin, text, 'must be true or false');
    case 'integer':
      if (!/^-?\d+$/.test(text)) throw wrong(origin, text, 'must be a whole number');
      return Number(text);
    case 'bytes':
      return bytes(text, origin);
    case 'map': {
      const at = text.indexOf('=');
      if (at < 1) throw wrong(origin, text, 'must be KEY=VALUE');
      return { [text.slice(0, at)]: text.slice(at + 1) };
    }
    case 'string':
    case 'list':
    case 'json':
      return text;
    default:
      return option.kind satisfies never;
  }
}

/** Checks the type of a value of the file. Throws invalidArgument naming file and key. */
export function fromFile(option: Option, value: unknown, origin: Origin): unknown {
  const given = option.convert ? option.convert(value) : value;
  switch (option.kind) {
    case 'string':
      if (typeof given !== 'string') throw wrong(origin, given, 'must be a string');
      return given;
    case 'boolean':
      if (typeof given !== 'boolean') throw wrong(origin, given, 'must be true or false');
      return given;
    case 'integer':
      if (!Number.isSafeInteger(given)) throw wrong(origin, given, 'must be a whole number');
      return given;
    case 'bytes':
      return typeof given === 'string'
        ? bytes(given, origin)
        : fromFile({ ...option, kind: 'integer', convert: undefined }, given, origin);
    case 'list':
      if (!Array.isArray(given) || !given.every((one) => typeof one === 'string'))
        throw wrong(origin, given, 'must be a list of strings');
      return given;
    case 'map':
      if (given === null || typeof given !== 'object' || Array.isArray(given))
        throw wrong(origin, given, 'must be an object of strings');
      for (const one of Object.values(given))
        if (typeof one !== 'string') throw wrong(origin, given, 'must be an object of strings');
      return given;
    case 'json':
      return given;
    default:
      return option.kind satisfies never;
  }
}

/** Runs the option's own check. Throws invalidArgument naming where the value was given. */
export function checkValue(option: Option, value: unknown, origin: Origin): void {
  for (const one of option.kind === 'list' && Array.isArray(value) ? value : [value]) {
    const problem = option.check?.(one);
    if (problem) throw wrong(origin, one, problem);
  }
}

function wrong(origin: Origin, value: unknown, problem: string): Error {
  return invalidArgument(`${origin.text}: ${problem}, not ${JSON.stringify(value)}`);
}

/** `64M`, `1g`, `67108864`, `64MiB`: binary multiples, as Docker reads them. */
function bytes(text: string, origin: Origin): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgtp]?)(?:i?b)?$/i.exec(text);
  if (!match) throw wrong(origin, text, 'must be a size such as 64M');
  return Math.floor(Number(match[1]) * 1024 ** ' kmgtp'.indexOf(match[2]?.toLowerCase() || ' '));
}
