/** Like Promise.all, but a failure is thrown only after all have ended: what the others made is then on the undo stack. */
export async function together<T extends readonly unknown[]>(
  promises: readonly [...{ [K in keyof T]: Promise<T[K]> }],
): Promise<T> {
  const results: PromiseSettledResult<unknown>[] = await Promise.allSettled(promises);
  const failed = results.find((one) => one.status === 'rejected');
  if (failed) throw failed.reason;
  return results.map((one) => (one.status === 'fulfilled' ? one.value : undefined)) as unknown as T; // all fulfilled
}
