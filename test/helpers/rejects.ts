import * as assert from 'uvu/assert';

/** Awaits a rejection (or the throw of a function) whose message matches, and returns the error: what `assert.throws` cannot do for promises. */
export async function rejects(promise: Promise<unknown> | (() => unknown), pattern: RegExp): Promise<Error & { kind?: string }> {
  try {
    await (typeof promise === 'function' ? promise() : promise);
  } catch (error) {
    assert.instance(error, Error);
    assert.match((error as Error).message, pattern);
    return error as Error;
  }
  assert.unreachable(`nothing was thrown; expected ${pattern}`);
  throw new Error('unreachable');
}
