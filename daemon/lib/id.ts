import { randomBytes } from 'node:crypto';

/** A new 64-digit hexadecimal id, as containers, networks, execs and generated volume names have. Never all digits in its first twelve, so that it cannot be taken for a number. */
export function newId(): string {
  for (;;) {
    const id = randomBytes(32).toString('hex');
    if (!/^\d{12}/.test(id)) return id;
  }
}

/** The first twelve digits of an id, without a `sha256:` before it: what Docker prints. */
export function shortId(id: string): string {
  const at = id.indexOf(':');
  return id.slice(at + 1, at + 13);
}

/** True for a full 64-digit hexadecimal id (no algorithm before it). */
export function isFullId(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}
