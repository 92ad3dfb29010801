import { invalidArgument } from '../errors/error.ts';

/** Go's zero time, which Docker shows where a moment is not set. */
export const zeroTime = '0001-01-01T00:00:00Z';

let offset = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();
let last = 0n;

/**
 * Now, in nanoseconds since the epoch. It follows the wall clock within 3 ms and runs on the monotonic one between, so two calls always differ and never go
 * back, unless somebody sets the clock back by a second or more.
 */
export function nowNano(): bigint {
  const monotonic = process.hrtime.bigint();
  const wall = BigInt(Date.now()) * 1_000_000n;
  let now = monotonic + offset;
  if (now - wall > 3_000_000n || wall - now > 3_000_000n) {
    offset = wall - monotonic;
    now = wall;
  }
  if (now <= last && last - now < 1_000_000_000n) now = last + 1n;
  last = now;
  return now;
}

/** Nanoseconds since the epoch as RFC 3339 in UTC with nine digits and `Z`; Docker's spelling of inspect and logs. */
export function formatNano(nano: bigint): string {
  const ms = Number(nano / 1_000_000n);
  const fraction = (nano % 1_000_000_000n).toString().padStart(9, '0');
  return `${new Date(ms).toISOString().slice(0, 19)}.${fraction}Z`;
}

/** Now as Docker writes it into `Created`, `StartedAt` and the like. */
export function nowText(): string {
  return formatNano(nowNano());
}

/** Now as RFC 3339 with whole seconds, as Docker writes the `CreatedAt` of volumes. */
export function nowSecondsText(): string {
  return `${new Date().toISOString().slice(0, 19)}Z`;
}

const units: Record<string, number> = { ns: 1, us: 1e3, µs: 1e3, μs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

/** A Go duration (`1h30m`, `250ms`, `-1.5s`, `0`) in nanoseconds, or undefined when the text is none. */
export function parseDuration(text: string): number | undefined {
  const match = /^([+-]?)((?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.exec(text);
  if (!match) return /^[+-]?0$/.test(text) ? 0 : undefined;
  let sum = 0;
  for (const part of text.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g))
    sum += Number(part[1]) * (units[part[2] ?? ''] ?? 0);
  return match[1] === '-' ? -sum : sum;
}

const rfc3339 = /^(\d{4}-\d{2}-\d{2})(?:[Tt ](\d{2}:\d{2}(?::\d{2})?)(?:\.(\d{1,9})\d*)?)?(Z|z|[+-]\d{2}:\d{2})?$/;

/** RFC 3339 (also Docker's shorter forms: a date alone, no seconds, no zone which is UTC) as nanoseconds since the epoch, or undefined. */
export function parseRfc3339(text: string): bigint | undefined {
  const match = rfc3339.exec(text);
  if (!match) return undefined;
  const [, day, clock = '00:00:00', fraction = '', zone = 'Z'] = match;
  const ms = Date.parse(`${day}T${clock.length === 5 ? `${clock}:00` : clock}${zone.toUpperCase()}`);
  if (Number.isNaN(ms)) return undefined;
  return BigInt(ms) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
}

/**
 * A moment as Docker's clients give it in `since` and `until`: Unix seconds with an optional fraction, RFC 3339, or a Go duration before now. Nanoseconds since the
 * epoch. Throws invalidArgument.
 */
export function parseTimestamp(text: string, now: bigint = nowNano()): bigint {
  const unix = /^(-?\d+)(?:\.(\d{1,9})\d*)?$/.exec(text);
  if (unix) {
    const seconds = BigInt(unix[1] ?? '0') * 1_000_000_000n;
    const fraction = BigInt((unix[2] ?? '').padEnd(9, '0'));
    return seconds < 0n ? seconds - fraction : seconds + fraction;
  }
  const moment = parseRfc3339(text);
  if (moment !== undefined) return moment;
  const duration = parseDuration(text);
  if (duration !== undefined) return now - BigInt(Math.round(duration));
  throw invalidArgument(`failed to parse value as time or duration: ${JSON.stringify(text)}`);
}
