import type { Logger } from '../lib/log.ts';

/**
 * Runs `work` with a stack for its undos. When it fails, all of them run, last first, and its own error is thrown; an undo that fails is logged (the next sweep takes what it left).
 * When it succeeds, they are forgotten.
 */
export async function withUndo<T>(log: Logger, work: (undo: AsyncDisposableStack) => Promise<T>): Promise<T> {
  const undo = new AsyncDisposableStack();
  try {
    const result = await work(undo);
    undo.move();
    return result;
  } catch (error) {
    try {
      await undo.disposeAsync();
    } catch (left) {
      log.error('an undo left something', { error: left });
    }
    throw error;
  }
}
