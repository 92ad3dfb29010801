import { notImplemented } from '../errors/error.ts';
/** Not built yet. */
export async function pullImage(..._: unknown[]): Promise<never> {
  throw notImplemented('pull is not built yet');
}
