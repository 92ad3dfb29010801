import type { Wish } from './exchange.ts';

/** What a row may ask for beside method, path and body. */
export interface RowOptions extends Pick<Wish, 'headers' | 'stdin' | 'isPlain' | 'isChunked'> {
  /** API version of the path; default 1.41, which both speak. */
  readonly version?: string;
  /** Keep the `Id` of the answer: `{name}` in later paths. */
  readonly save?: string;
  /** Ask again until this holds for the body. */
  readonly until?: (body: unknown) => boolean;
  /** The list in the answer has no order. */
  readonly isUnordered?: boolean;
  /** Only keys and types of the answer count. */
  readonly isShapeOnly?: boolean;
  /** Only status and headers count. */
  readonly isHeadOnly?: boolean;
}

/**
 * One request, sent to both engines. A path gets `/v1.41` in front unless it starts with `!`; `{since}` is when its table began, `{now}` the moment. Method CLI: the path is a command line of
 * `docker`, split at spaces; body: further arguments.
 */
export type Row = readonly [method: string, path: string, body?: unknown, options?: RowOptions];

/** `?filters=` with one key. */
export function filter(key: string, value: string): string {
  return `filters=${encodeURIComponent(JSON.stringify({ [key]: [value] }))}`;
}
