/** Upper bounds of the request durations, in seconds. */
export const apiBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

/** Figures of one route. */
export interface RouteFigures {
  readonly method: string;
  readonly path: string;
  /** Status -> count. */
  readonly statuses: Map<number, number>;
  /** Counts by bound, not cumulative; the last is above all bounds. */
  readonly buckets: number[];
  seconds: number;
  count: number;
}

/** Counts requests without any library: a scrape turns the figures into Prometheus text. Streams count with their whole life. */
export class ApiFigures {
  readonly routes: RouteFigures[] = [];

  /** Figures for a new route; kept by the route's handler, so counting costs no look-up. */
  route(method: string, path: string): RouteFigures {
    const figures = {
      method,
      path,
      statuses: new Map<number, number>(),
      buckets: new Array<number>(apiBuckets.length + 1).fill(0),
      seconds: 0,
      count: 0,
    };
    this.routes.push(figures);
    return figures;
  }
}

/** Adds one answered request. */
export function countRequest(figures: RouteFigures, status: number, durationMs: number): void {
  const seconds = durationMs / 1000;
  figures.statuses.set(status, (figures.statuses.get(status) ?? 0) + 1);
  figures.seconds += seconds;
  figures.count += 1;
  let at = 0;
  while (at < apiBuckets.length && seconds > (apiBuckets[at] ?? 0)) at += 1;
  figures.buckets[at] = (figures.buckets[at] ?? 0) + 1;
}
