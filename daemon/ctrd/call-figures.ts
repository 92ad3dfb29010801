import type { CallFigure } from './contract.ts';

/** Counts calls by method and outcome; streams count with their whole life. */
export class CallFigures {
  readonly #rows = new Map<string, { method: string; code: string; count: number; seconds: number }>();

  /** `code` is gRPC's number, or undefined when the connection was lost. */
  add(path: string, code: number | undefined, ms: number): void {
    const key = `${path} ${code}`;
    let row = this.#rows.get(key);
    if (!row) {
      row = { method: path.slice(1), code: code === undefined ? 'lost' : String(code), count: 0, seconds: 0 };
      this.#rows.set(key, row);
    }
    row.count += 1;
    row.seconds += ms / 1000;
  }

  rows(): CallFigure[] {
    return [...this.#rows.values()];
  }
}
