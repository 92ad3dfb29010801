import { PouchError } from '../daemon/errors/error.ts';

/**
 * Errors that a plugin may throw to choose the answer of a request: invalidArgument 400, forbidden 403, notFound 404, conflict 409. Any
 * other error of a plugin is a 500. The daemon recognises them by their `kind`, so an error of another copy of this package counts too.
 */
export {
  conflict,
  forbidden,
  invalidArgument,
  type Kind as ErrorKind,
  notFound,
  PouchError as PluginError,
} from '../daemon/errors/error.ts';

/** Thrown through `skipPlugin`: this registration does not apply here, which is no failure. */
export class SkipPluginError extends PouchError {
  readonly skip = true;

  constructor(reason: string) {
    super('unavailable', reason);
    this.name = 'SkipPluginError';
  }
}

/**
 * Leaves the initialisation of a registration because it does not apply on this machine (`throw skipPlugin('no overlayfs')`). The plugin is
 * shown as skipped, with the reason; it still counts as missing when `required_plugins` names it.
 */
export function skipPlugin(reason: string): SkipPluginError {
  return new SkipPluginError(reason);
}

/** True for an error made by `skipPlugin`, also as the `cause` of another error, and of another copy of this package. */
export function isSkip(error: unknown): boolean {
  for (let at = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth += 1) {
    if (at.name === 'SkipPluginError' && 'skip' in at && at.skip === true) return true;
  }
  return false;
}
