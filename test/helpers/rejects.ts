import * as assert from 'uvu/assert';

/** Asserts that a promise rejects, or a function throws, with a message that matches (text: contains it); gives the error. uvu's own `throws` is synchronous. */
export async function rejects(
  promise: Promise<unknown> | (() => unknown),
  expected: RegExp | string = '',
): Promise<Error & { kind?: string }> {
  let value: unknown;
  try {
    value = await (typeof promise === 'function' ? promise() : promise);
  } catch (error) {
    assert.instance(error, Error, 'rejected with something that is no Error');
    const { message } = error as Error;
    const isMatch = typeof expected === 'string' ? message.includes(expected) : expected.test(message);
    assert.ok(isMatch, `rejected with ${JSON.stringify(message)}, expected ${String(expected)}`);
    return error as Error & { kind?: string };
  }
  assert.unreachable(`resolved with ${JSON.stringify(value)}, expected a rejection ${String(expected)}`);
  throw new Error('unreachable');
}
