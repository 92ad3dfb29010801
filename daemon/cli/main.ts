import { notImplemented } from '../errors/error.ts';

/** Runs the `pouch` client; gives the exit code. */
export async function runCli(_args: readonly string[]): Promise<number> {
  throw notImplemented('the pouch client is not built yet');
}
