/** Upper bounds in milliseconds; about a factor of two apart from 1 µs to two minutes. */
const bounds = [
  0.001,
  0.002,
  0.005,
  0.01,
  0.02,
  0.05,
  0.1,
  0.2,
  0.5,
  1,
  2,
  5,
  10,
  20,
  50,
  100,
  200,
  500,
  1_000,
  2_000,
  5_000,
  10_000,
  30_000,
  60_000,
  120_000,
  Number.POSITIVE_INFINITY,
];

/** Counters of one plugin at one point: a fixed 26 buckets, so memory does not grow with calls. */
export class PointStats {
  calls = 0;
  failures = 0;
  timeouts = 0;
  leaks = 0;
  totalMs = 0;
  readonly #counts = new Uint32Array(bounds.length);

  /** Counts one call. */
  add(durationMs: number): void {
    this.calls += 1;
    this.totalMs += durationMs;
    let at = 0;
    while (durationMs > bounds[at]!) at += 1;
    this.#counts[at]! += 1;
  }

  /** The upper bound of the bucket that holds the quantile (0..1), 0 without calls; a call beyond the last finite bound counts as that bound. */
  quantileMs(quantile: number): number {
    let left = Math.ceil(this.calls * quantile);
    if (left === 0) return 0;
    for (const [at, count] of this.#counts.entries()) {
      left -= count;
      if (left <= 0) return Math.min(bounds[at]!, 120_000);
    }
    return 120_000;
  }

  /** Cumulative counts by bound. */
  buckets(): { leMs: number; count: number }[] {
    let sum = 0;
    return bounds.map((leMs, at) => {
      sum += this.#counts[at]!;
      return { leMs, count: sum };
    });
  }
}
