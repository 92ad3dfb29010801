/** How a value is spelled: `list` and `map` flags are repeatable, `json` exists only in the file. */
export type OptionKind = 'string' | 'boolean' | 'integer' | 'bytes' | 'list' | 'map' | 'json';

/** One row of the table. */
export interface Option {
  readonly key: string;
  readonly kind: OptionKind;
  readonly default: unknown;
  /** Without the dashes; options without one stand in the file only. */
  readonly flag?: string;
  readonly short?: string;
  readonly docker?: string;
  /** Placeholder of the value in --help. */
  readonly value?: string;
  readonly help: string;
  /** Taken over on SIGHUP. */
  readonly reload?: boolean;
  /** Gives what is wrong with a value, or undefined; for lists it judges each entry. */
  check?(value: unknown): string | undefined;
  /** Brings another accepted spelling of the file to the daemon's own. */
  convert?(value: unknown): unknown;
}
