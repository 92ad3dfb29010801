import manifest from '../../package.json' with { type: 'json' };

/** What the executable tells about itself, see build/contract.md. */
interface BuildInfo {
  readonly version: string;
  readonly commit?: string;
  readonly program: 'pouchd' | 'pouch';
}

const build = (globalThis as { [key: symbol]: BuildInfo | undefined })[Symbol.for('pouchd.build')]; // set by build/loader.cjs

/** Version of the daemon: of the executable, or of the tree when run from source. */
export const engineVersion: string = build?.version ?? manifest.version;

/** Commit that the executable was built from, abbreviated; empty when not known. */
export const engineCommit: string = build?.commit ?? '';

/** The name the executable was started as. */
export const program: 'pouchd' | 'pouch' = build?.program ?? 'pouchd';
