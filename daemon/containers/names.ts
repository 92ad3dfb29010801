import { randomInt } from 'node:crypto';
import { invalidArgument } from '../errors/error.ts';
import { adjectives, surnames } from './names-words.ts';

const allowed = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

/** The name without its leading slash. Throws invalidArgument with Docker's text for a name that is not allowed. */
export function checkName(name: string): string {
  const bare = name.startsWith('/') ? name.slice(1) : name;
  if (!allowed.test(bare)) throw invalidArgument(`Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`);
  return bare;
}

/** A free name such as `brave_curie`; a digit follows when the first tries are taken. */
export function randomName(isTaken: (name: string) => boolean): string {
  for (let tries = 0; ; tries += 1) {
    const digit = tries < 6 ? '' : String(randomInt(10 ** Math.min(tries - 5, 6)));
    const name = `${adjectives[randomInt(adjectives.length)]}_${surnames[randomInt(surnames.length)]}${digit}`;
    if (!isTaken(name)) return name;
  }
}
