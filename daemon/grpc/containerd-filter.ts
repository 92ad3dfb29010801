// containerd's filter language: `type==a,id~=^b` is one filter whose parts must all hold; of several filters one must. A part is a field, then `==`, `!=` or
// `~=` (a regular expression) and a value, plain or quoted (with `~=` also between slashes or bars); a field alone must be present.
import { invalidArgument } from '../errors/error.ts';

/** Gives a field's value, or undefined where the object does not have it. */
export type FieldLookup = (field: string) => string | undefined;

type Part = (lookup: FieldLookup) => boolean;

/** A test for objects; no filter at all takes everything. Throws invalidArgument for one that cannot be read. */
export function parseFilters(filters: readonly string[]): (lookup: FieldLookup) => boolean {
  const parsed = filters.map(parseFilter);
  return (lookup) => parsed.length === 0 || parsed.some((parts) => parts.every((part) => part(lookup)));
}

const part =
  /^([A-Za-z_][\w.-]*(?:\."(?:[^"\\]|\\.)*")?)(?:(==|!=|~=)("(?:[^"\\]|\\.)*"|\/(?:[^/\\]|\\.)*\/|\|(?:[^|\\]|\\.)*\||[^,"\s]*))?(,|$)/;

function parseFilter(text: string): Part[] {
  const parts: Part[] = [];
  for (let rest = text; rest !== ''; ) {
    const match = part.exec(rest);
    if (!match) throw invalidArgument(`cannot read filter ${JSON.stringify(text)} at ${JSON.stringify(rest)}`);
    const [whole, field = '', operator, value = '', separator] = match;
    parts.push(test(field, operator, unquote(value), text));
    rest = rest.slice(whole.length);
    if (rest === '' && separator === ',')
      throw invalidArgument(`cannot read filter ${JSON.stringify(text)}: nothing after the last comma`);
  }
  return parts;
}

function test(field: string, operator: string | undefined, value: string, text: string): Part {
  switch (operator) {
    case '==':
      return (lookup) => lookup(field) === value;
    case '!=':
      return (lookup) => lookup(field) !== value;
    case '~=': {
      const pattern = expression(value, text);
      return (lookup) => {
        const found = lookup(field);
        return found !== undefined && pattern.test(found);
      };
    }
    default:
      return (lookup) => (lookup(field) ?? '') !== '';
  }
}

function expression(source: string, text: string): RegExp {
  try {
    return new RegExp(source);
  } catch (error) {
    throw invalidArgument(`cannot read filter ${JSON.stringify(text)}: not a regular expression: ${source}`, error);
  }
}

function unquote(value: string): string {
  if (value.startsWith('"')) return JSON.parse(value) as string; // the pattern let a JSON-like string through
  return value.length > 1 && (value.startsWith('/') || value.startsWith('|')) && value.endsWith(value[0] ?? '')
    ? value.slice(1, -1)
    : value;
}
