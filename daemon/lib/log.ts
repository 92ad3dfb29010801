import { type ConsolaReporter, createConsola, type LogObject } from 'consola/core';

/** Fields of a log line: variables go here, the message is a fixed lower-case phrase. */
export type LogFields = Record<string, unknown>;

/** What every room logs through. `withTag('containers')` gives the room's own logger. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  withTag(tag: string): Logger;
}

/** `pretty` for people (colours only on a terminal), `json` one object a line. */
export type LogFormat = 'pretty' | 'json';

const colours: Record<string, number> = { debug: 90, info: 36, warn: 33, error: 31 };

/** The daemon's logger, consola behind it, writing to `out` (default stderr). */
export function createLogger(options: {
  format?: LogFormat;
  debug?: boolean;
  out?: NodeJS.WritableStream & { isTTY?: boolean };
}): Logger {
  const out = options.out ?? process.stderr;
  const reporter: ConsolaReporter = {
    log: (entry) => {
      out.write(options.format === 'json' ? jsonLine(entry) : prettyLine(entry, out.isTTY === true));
    },
  };
  return wrap(createConsola({ level: options.debug ? 4 : 3, reporters: [reporter], throttle: 0 }), '');
}

/** A logger that drops everything: for tests and for the moments before configuration is read. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  withTag() {
    return silentLogger;
  },
};

type Consola = ReturnType<typeof createConsola>;

function wrap(instance: Consola, tag: string): Logger {
  const at = (level: 'debug' | 'info' | 'warn' | 'error') => (message: string, fields?: LogFields) => {
    instance[level]({ message, tag, args: fields ? [fields] : [] });
  };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    withTag: (name) => wrap(instance, tag ? `${tag}.${name}` : name),
  };
}

function fieldsOf(entry: LogObject): { message: string; fields: LogFields } {
  const [first, second] = entry.args as [unknown, unknown]; // consola puts `message` first when it is given
  const message = typeof first === 'string' ? first : (entry.message ?? '');
  const fields = (typeof first === 'string' ? second : first) ?? {};
  return { message, fields: fields as LogFields };
}

function plain(value: unknown): unknown {
  if (value instanceof Error) return value.stack ?? value.message;
  return value;
}

function jsonLine(entry: LogObject): string {
  const { message, fields } = fieldsOf(entry);
  const flat = Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, plain(value)]));
  return `${JSON.stringify({ time: entry.date.toISOString(), level: entry.type, tag: entry.tag || undefined, msg: message, ...flat })}\n`;
}

function prettyLine(entry: LogObject, coloured: boolean): string {
  const { message, fields } = fieldsOf(entry);
  const paint = (text: string, code: number) => (coloured ? `\x1b[${code}m${text}\x1b[0m` : text);
  const pairs = Object.entries(fields).map(([key, value]) => {
    const shown = plain(value);
    const text =
      typeof shown === 'string'
        ? /[\s"=]/.test(shown) && !shown.includes('\n')
          ? JSON.stringify(shown)
          : shown
        : JSON.stringify(shown);
    return `${paint(`${key}=`, 90)}${text}`;
  });
  const level = paint(entry.type.toUpperCase().padEnd(5), colours[entry.type] ?? 0);
  const tag = entry.tag ? `${paint(`[${entry.tag}]`, 90)} ` : '';
  return `${entry.date.toISOString()} ${level} ${tag}${message}${pairs.length ? ` ${pairs.join(' ')}` : ''}\n`;
}
