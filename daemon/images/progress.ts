import type { ProgressMessage } from '../types/docker/image.ts';

/** Takes one line of a progress stream. */
export type Progress = (message: ProgressMessage) => void;

const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** Bytes as Docker writes them: decimal, four significant digits (`1.234MB`). */
export function humanSize(bytes: number): string {
  let value = bytes;
  let at = 0;
  while (value >= 1000 && at < units.length - 1) {
    value /= 1000;
    at++;
  }
  return `${Number(value.toPrecision(4))}${units[at]}`;
}

/** Docker's bar: 50 wide, then `current/total`; the amount alone when the total is not known. */
export function progressBar(current: number, total: number): string {
  if (total <= 0) return current > 0 ? humanSize(current).padStart(8) : '';
  const filled = Math.min(50, Math.floor((Math.min(current, total) / total) * 50));
  const bar = filled < 50 ? `${'='.repeat(filled)}>${' '.repeat(50 - filled)}` : `${'='.repeat(50)}>`;
  return `[${bar}] ${humanSize(current).padStart(8)}/${humanSize(total)}`;
}

/** A line for one layer; with `detail` it carries a bar, without an empty progressDetail, as Docker's do. */
export function layerProgress(id: string, status: string, detail?: { current: number; total: number }): ProgressMessage {
  if (!detail) return { status, progressDetail: {}, id };
  return { status, progressDetail: detail, progress: progressBar(detail.current, detail.total), id };
}

/** Tells at most one bar in `intervalMs`, and always the last one: a fast download must not flood the client. */
export function throttledBar(
  progress: Progress,
  { id, status, total, intervalMs = 100 }: { id: string; status: string; total: number; intervalMs?: number },
): (current: number) => void {
  let last = 0;
  return (current) => {
    const now = performance.now();
    if (now - last < intervalMs && current < total) return;
    last = now;
    progress(layerProgress(id, status, { current, total }));
  };
}
