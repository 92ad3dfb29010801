/** A call of a register function, found at module load. */
export interface RegisterCall {
  /** Kind of hook plugin (`container`), `volumeDriver`, or `registration` for the general door. */
  readonly kind: string;
  /** The literal `id`; absent when none is given or it is computed. */
  readonly id?: string;
  /** Names of the points that the object literal implements. */
  readonly points: readonly string[];
  readonly line: number;
  readonly column: number;
  /** Path below the package's folder. */
  readonly file: string;
}

/** Something the scan objects to; the path is below the package's folder. */
export interface Objection {
  readonly message: string;
  readonly hint: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The package is one of Pouch's first version, which is no objection to a plugin file. */
  readonly firstVersion?: boolean;
}

/** What the scan of one package found; plain data, kept in the cache. */
export interface Facts {
  readonly registers: readonly RegisterCall[];
  readonly errors: readonly Objection[];
  /** Files of the package that the entry reaches, below its folder. */
  readonly files: readonly string[];
}
