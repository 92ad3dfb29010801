import { constants } from 'node:os';
import { invalidArgument } from '../errors/error.ts';

const realtimeMin = 34;
const realtimeMax = 64;

/**
 * The number of a signal given as `SIGTERM`, `term`, `15`, `RTMIN+3`. Throws invalidArgument `Invalid signal: X` (Docker's text).
 */
export function parseSignal(text: string): number {
  if (/^\d+$/.test(text)) {
    const number = Number(text);
    if (number > 0 && number <= realtimeMax) return number;
    throw invalidArgument(`Invalid signal: ${text}`);
  }
  const name = text.toUpperCase().replace(/^SIG/, '');
  const realtime = /^RT(MIN|MAX)(?:([+-])(\d+))?$/.exec(name);
  if (realtime) {
    const base = realtime[1] === 'MIN' ? realtimeMin : realtimeMax;
    const number = base + (realtime[2] === '-' ? -1 : 1) * Number(realtime[3] ?? 0);
    if (number >= realtimeMin && number <= realtimeMax) return number;
  }
  const found = (constants.signals as Record<string, number>)[`SIG${name}`]; // a table by name; missing is undefined
  if (!found) throw invalidArgument(`Invalid signal: ${text}`);
  return found;
}
