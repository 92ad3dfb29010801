import { invalidArgument } from '../errors/error.ts';

const controls = ['@', ...'abcdefghijklmnopqrstuvwxyz', '[', '\\', ']', '^', '_'];

/** What a terminal's clients detach with when they name nothing else: ctrl-p ctrl-q. */
export const defaultDetachKeys = Buffer.from([16, 17]);

/**
 * Docker's spelling of a key sequence, `ctrl-p,ctrl-q` or `a,b`, as the bytes a terminal sends. Undefined for undefined or ''. Throws invalidArgument
 * with Docker's text.
 */
export function parseDetachKeys(keys: string | undefined): Buffer | undefined {
  if (keys === undefined || keys === '') return undefined;
  const codes = keys.split(',').map((key) => {
    const control = /^ctrl-(.)$/.exec(key)?.[1];
    const code = control === undefined ? -1 : controls.indexOf(control);
    if (code >= 0) return code;
    if (Buffer.byteLength(key) === 1) return key.charCodeAt(0);
    throw invalidArgument(`Invalid detach keys (${keys}) provided`);
  });
  return Buffer.from(codes);
}

/** Looks for the sequence in what a client types, across chunks. A part of it is held back until it is seen whether the rest follows, then passed on. */
export class DetachScanner {
  readonly #keys: Uint8Array;
  #matched = 0;

  constructor(keys: Uint8Array) {
    this.#keys = keys;
  }

  /** The bytes to pass on, and whether the sequence was completed; nothing after it is looked at. */
  scan(chunk: Buffer): { pass: Buffer; detached: boolean } {
    const keys = this.#keys;
    const held = this.#matched;
    if (held === 0 && (keys.length === 0 || !chunk.includes(keys[0] ?? 0))) return { pass: chunk, detached: false };
    const bytes = held > 0 ? Buffer.concat([keys.subarray(0, held), chunk]) : chunk;
    let matched = held;
    for (let at = held; at < bytes.length; at += 1) {
      while (matched > 0 && bytes[at] !== keys[matched]) {
        // the longest shorter beginning of the keys that ends here
        do matched -= 1;
        while (matched > 0 && !endsWith(bytes, at, keys.subarray(0, matched)));
      }
      if (bytes[at] === keys[matched]) matched += 1;
      if (matched === keys.length) {
        this.#matched = 0;
        return { pass: bytes.subarray(0, at + 1 - matched), detached: true };
      }
    }
    this.#matched = matched;
    return { pass: bytes.subarray(0, bytes.length - matched), detached: false };
  }
}

function endsWith(bytes: Uint8Array, end: number, suffix: Uint8Array): boolean {
  return suffix.every((byte, index) => bytes[end - suffix.length + index] === byte);
}
