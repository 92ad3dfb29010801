import type { Timestamp } from '../types/gen/containerd/google/protobuf/timestamp.ts';

export type { Timestamp };

/** Go's zero time, what containerd means by "never". */
export const zeroTimestamp: Timestamp = { seconds: -62135596800, nanos: 0 };

/** A field that protobuf may leave out, as a timestamp. */
export function timestampOf(value: Timestamp | undefined): Timestamp {
  return value ?? zeroTimestamp;
}

/** Milliseconds since the epoch, fractions kept (to about a microsecond). */
export function timestampToMs({ seconds, nanos }: Timestamp): number {
  return seconds * 1000 + nanos / 1e6;
}

/** From milliseconds since the epoch. */
export function msToTimestamp(ms: number): Timestamp {
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanos: Math.round((ms - seconds * 1000) * 1e6) };
}

/** As Go's RFC3339Nano writes it, all nanoseconds kept and trailing zeros dropped: what Docker shows as FinishedAt. */
export function timestampToRfc3339({ seconds, nanos }: Timestamp): string {
  const whole = new Date(seconds * 1000).toISOString().slice(0, 19);
  const fraction = nanos === 0 ? '' : `.${String(nanos).padStart(9, '0').replace(/0+$/, '')}`;
  return `${whole}${fraction}Z`;
}
