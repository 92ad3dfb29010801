import { invalidArgument } from '../../errors/error.ts';
import { type Filters, parseFilters } from '../../lib/filters.ts';

/** Query values as fastify gives them. */
export type Query = Readonly<Record<string, string | string[] | undefined>>;

/** The first value of a key, or undefined. */
export function queryText(query: Query, key: string): string | undefined {
  const value = query[key];
  return typeof value === 'string' ? value : value?.[0];
}

/** All values of a key. */
export function queryList(query: Query, key: string): string[] {
  const value = query[key];
  return value === undefined ? [] : typeof value === 'string' ? [value] : value;
}

/** Docker's truth: empty, `0`, `no`, `false` and `none` are false, anything else is true; a missing key is `missing`. */
export function queryBoolean(query: Query, key: string, missing = false): boolean {
  const text = queryText(query, key);
  if (text === undefined) return missing;
  return !['', '0', 'no', 'false', 'none'].includes(text.trim().toLowerCase());
}

/** A whole number, or undefined when missing or empty. Throws invalidArgument with Go's text. */
export function queryInteger(query: Query, key: string): number | undefined {
  const text = queryText(query, key);
  if (text === undefined || text === '') return undefined;
  if (!/^[+-]?\d+$/.test(text)) throw invalidArgument(`strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text);
}

/** The `filters` value, parsed; see `parseFilters`. */
export function queryFilters(query: Query, accepted?: readonly string[]): Filters {
  return parseFilters(queryText(query, 'filters'), accepted);
}
