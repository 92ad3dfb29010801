import { notImplemented } from '../errors/error.ts';
/** Not built yet. */
export async function commitImage(..._: unknown[]): Promise<never> {
  throw notImplemented('commit is not built yet');
}
