/*
 * Looks through a Dockerfile for the images it needs, so that they can be fetched before the builder starts. It interprets nothing else: the builder does. Known:
 * the escape directive, comments, continued lines, here-documents, ARG before the first FROM, and variables in FROM.
 */
import { invalidArgument } from '../../errors/error.ts';

/** What a Dockerfile needs. */
export interface DockerfileScan {
  /** Images as written, variables filled in, without stages and `scratch`; each once. */
  readonly images: readonly string[];
  /** What each FROM says, in order: `busybox AS made`. */
  readonly stages: readonly string[];
  /** Instructions, for counting steps. */
  readonly steps: number;
}

/** See above. Throws invalidArgument with Docker's text for a file without instructions or a FROM without an image. */
export function scanDockerfile(text: string, buildArgs: Readonly<Record<string, string | null>>): DockerfileScan {
  const args = new Map<string, string>();
  const stages = new Set<string>();
  const images = new Set<string>();
  const froms: string[] = [];
  let steps = 0;
  let seenFrom = false;
  const need = (ref: string) => {
    if (ref !== '' && ref !== 'scratch' && !stages.has(ref.toLowerCase()) && !/^\d+$/.test(ref)) images.add(ref);
  };
  for (const line of logicalLines(text)) {
    steps++;
    const [, instruction = '', rest = ''] = /^(\w+)\s*([\s\S]*)$/.exec(line) ?? [];
    switch (instruction.toUpperCase()) {
      case 'ARG':
        if (!seenFrom) for (const part of rest.split(/\s+/)) declare(part, args, buildArgs);
        break;
      case 'FROM': {
        seenFrom = true;
        froms.push(rest);
        const words = rest.split(/\s+/).filter((word) => !word.startsWith('--'));
        const image = substitute(unquote(words[0] ?? ''), args);
        if (image === '') throw invalidArgument(`base name (${words[0] ?? ''}) should not be blank`);
        need(image);
        if (/^as$/i.test(words[1] ?? '') && words[2]) stages.add(words[2].toLowerCase());
        break;
      }
      case 'COPY':
        for (const [, from = ''] of rest.matchAll(/(?:^|\s)--from=(\S+)/g)) need(substitute(unquote(from), args));
        break;
      case 'RUN':
        for (const [, options = ''] of rest.matchAll(/(?:^|\s)--mount=(\S+)/g))
          need(/(?:^|,)from=([^,]+)/.exec(options)?.[1] ?? '');
        break;
    }
  }
  if (steps === 0) throw invalidArgument('the Dockerfile cannot be empty');
  if (!seenFrom) throw invalidArgument('no build stage in current context');
  return { images: [...images], stages: froms, steps };
}

function declare(part: string, args: Map<string, string>, buildArgs: Readonly<Record<string, string | null>>): void {
  const at = part.indexOf('=');
  const name = at < 0 ? part : part.slice(0, at);
  const given = buildArgs[name];
  if (typeof given === 'string') args.set(name, given);
  else if (at >= 0) args.set(name, substitute(unquote(part.slice(at + 1)), args));
}

function unquote(text: string): string {
  return text.replace(/^(["'])(.*)\1$/s, '$2');
}

/** `$NAME`, `${NAME}`, `${NAME:-default}` and `${NAME:+other}`. */
function substitute(text: string, args: ReadonlyMap<string, string>): string {
  return text.replace(/\$(?:(\w+)|\{(\w+)(?::([-+])([^}]*))?\})/g, (_, plain, braced, operator, word) => {
    const value = args.get(plain ?? braced) ?? '';
    if (operator === '-') return value || substitute(String(word), args);
    if (operator === '+') return value ? substitute(String(word), args) : '';
    return value;
  });
}

/** Instructions with their continuations joined; comments and here-documents are left out. */
function* logicalLines(text: string): Generator<string> {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  const escaper = /^#\s*escape\s*=\s*`/i.test(lines.find((line) => !/^#\s*syntax/i.test(line)) ?? '') ? '`' : '\\';
  let current = '';
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]!;
    if (/^\s*#/.test(line) || (line.trim() === '' && current !== '')) continue;
    const isContinued = line.trimEnd().endsWith(escaper);
    current += isContinued ? `${line.trimEnd().slice(0, -1)} ` : line;
    if (isContinued) continue;
    for (const [, tabs, , word] of current.matchAll(/<<(-?)(["']?)(\w+)\2/g)) {
      if (!/^\s*(RUN|COPY|ADD)\b/i.test(current)) break;
      const ends = (one: string) => (tabs ? one.replace(/^\t+/, '') : one) === word;
      while (at + 1 < lines.length && !ends(lines[++at]!));
    }
    if (current.trim() !== '') yield current.trim();
    current = '';
  }
  if (current.trim() !== '') yield current.trim();
}
