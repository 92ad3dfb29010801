/** Every kind of failure that crosses a room. `wire.ts` maps each to HTTP and gRPC. */
export type Kind =
  | 'invalidArgument'
  | 'unauthenticated'
  | 'forbidden'
  | 'notFound'
  | 'conflict'
  | 'alreadyExists'
  | 'notModified'
  | 'tooLarge'
  | 'notImplemented'
  | 'unavailable'
  | 'cancelled'
  | 'deadlineExceeded'
  | 'internal';

/**
 * The one error class of the daemon. `message` names the object and is shown to clients as it stands;
 * where Docker's clients compare texts it is Docker's text.
 */
export class PouchError extends Error {
  readonly kind: Kind;

  constructor(kind: Kind, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'PouchError';
    this.kind = kind;
  }
}

const kinds = new Set<string>([
  'invalidArgument',
  'unauthenticated',
  'forbidden',
  'notFound',
  'conflict',
  'alreadyExists',
  'notModified',
  'tooLarge',
  'notImplemented',
  'unavailable',
  'cancelled',
  'deadlineExceeded',
  'internal',
] satisfies Kind[]);

/**
 * The kind of any thrown value. An error of the plugin API carries `kind` too and counts as it says, so a plugin's
 * `forbidden()` is a 403; everything else is `internal`.
 */
export function kindOf(error: unknown): Kind {
  if (error instanceof Error && 'kind' in error && typeof error.kind === 'string' && kinds.has(error.kind)) {
    return error.kind as Kind; // narrowed by the set above
  }
  return 'internal';
}

/** True when `error` is of the given kind. */
export function isKind(error: unknown, kind: Kind): boolean {
  return error instanceof Error && kindOf(error) === kind;
}

/** The message of any thrown value; non-errors are told as text, never as `[object Object]`. */
export function messageOf(error: unknown): string {
  if (error instanceof Error) return error.message || error.name;
  return typeof error === 'string' ? error : (JSON.stringify(error) ?? String(error));
}

/** Shorthands, one per kind that code throws often: `throw notFound('No such container: web')`. */
export const invalidArgument = (message: string, cause?: unknown) => new PouchError('invalidArgument', message, { cause });
export const forbidden = (message: string, cause?: unknown) => new PouchError('forbidden', message, { cause });
export const notFound = (message: string, cause?: unknown) => new PouchError('notFound', message, { cause });
export const conflict = (message: string, cause?: unknown) => new PouchError('conflict', message, { cause });
export const alreadyExists = (message: string, cause?: unknown) => new PouchError('alreadyExists', message, { cause });
export const notModified = (message: string, cause?: unknown) => new PouchError('notModified', message, { cause });
export const notImplemented = (message: string, cause?: unknown) => new PouchError('notImplemented', message, { cause });
export const unavailable = (message: string, cause?: unknown) => new PouchError('unavailable', message, { cause });
export const internal = (message: string, cause?: unknown) => new PouchError('internal', message, { cause });
