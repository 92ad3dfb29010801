import { invalidArgument } from '../errors/error.ts';

/** Docker's filters after parsing: `{ label: ['a=b', 'c'], dangling: ['true'] }`. */
export type Filters = Record<string, string[]>;

/**
 * Reads the `filters` query value: JSON of `{ key: ["v"] }` or the newer `{ key: { "v": true } }`. Empty or missing is `{}`. Throws invalidArgument
 * with Docker's text for anything else, and for a key that is not in `accepted`.
 */
export function parseFilters(text: string | readonly string[] | undefined, accepted?: readonly string[]): Filters {
  const raw = typeof text === 'string' || text === undefined ? text : text[0];
  if (raw === undefined || raw === '') return {};
  let value: unknown;
  try {
    value = JSON.parse(raw);
  } catch (error) {
    throw invalidArgument(`invalid filter: ${error instanceof Error ? error.message : 'not JSON'}`, error);
  }
  if (value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw invalidArgument(`invalid filter: ${raw}`);
  const filters: Filters = {};
  for (const [key, values] of Object.entries(value)) {
    filters[key] = valuesOf(key, values);
  }
  if (accepted) checkFilterKeys(filters, accepted);
  return filters;
}

function valuesOf(key: string, values: unknown): string[] {
  if (Array.isArray(values) && values.every((one) => typeof one === 'string')) return values;
  if (values !== null && typeof values === 'object' && !Array.isArray(values)) {
    return Object.entries(values).flatMap(([value, wanted]) => (wanted ? [value] : []));
  }
  throw invalidArgument(`invalid filter '${key}=${JSON.stringify(values)}'`);
}

/** Throws invalidArgument `invalid filter 'KEY'` (Docker's text) for a key that is not accepted. */
export function checkFilterKeys(filters: Filters, accepted: readonly string[]): void {
  for (const key of Object.keys(filters)) {
    if (!accepted.includes(key)) throw invalidArgument(`invalid filter '${key}'`);
  }
}

/** True when `labels` has all of `wanted`, each `key` or `key=value`; no wanted labels match everything. */
export function matchesLabels(
  labels: Readonly<Record<string, string>> | null | undefined,
  wanted: readonly string[] | undefined,
): boolean {
  return (wanted ?? []).every((one) => hasLabel(labels, one));
}

/** True when `labels` has none of `unwanted` (the filter `label!` of prune). */
export function lacksLabels(
  labels: Readonly<Record<string, string>> | null | undefined,
  unwanted: readonly string[] | undefined,
): boolean {
  return !(unwanted ?? []).some((one) => hasLabel(labels, one));
}

function hasLabel(labels: Readonly<Record<string, string>> | null | undefined, wanted: string): boolean {
  const at = wanted.indexOf('=');
  const key = at < 0 ? wanted : wanted.slice(0, at);
  if (!labels || !Object.hasOwn(labels, key)) return false;
  return at < 0 || labels[key] === wanted.slice(at + 1);
}

/** True when `value` equals one of `wanted`, or nothing is wanted. */
export function matchesExact(value: string, wanted: readonly string[] | undefined): boolean {
  return !wanted?.length || wanted.includes(value);
}

/** True when one of `wanted` is a regular expression (or a plain part, where it is not a valid one) that is found in `value`: Docker's `Match`. */
export function matchesPattern(value: string, wanted: readonly string[] | undefined): boolean {
  return !wanted?.length || wanted.some((one) => foundIn(value, one));
}

function foundIn(value: string, pattern: string): boolean {
  if (value === pattern) return true;
  try {
    return new RegExp(pattern).test(value);
  } catch {
    return value.includes(pattern); // Go's Match falls back the same way
  }
}

/** Reads a true/false filter such as `dangling`; undefined when it is not given. Throws invalidArgument `invalid filter 'KEY=VALUE'`. */
export function booleanFilter(filters: Filters, key: string): boolean | undefined {
  const values = filters[key];
  if (!values?.length) return undefined;
  const isTrue = values.some((one) => one === 'true' || one === '1');
  const isFalse = values.some((one) => one === 'false' || one === '0');
  if (isTrue === isFalse) throw invalidArgument(`invalid filter '${key}=[${values.join(' ')}]'`);
  return isTrue;
}
