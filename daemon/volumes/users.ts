/** Which containers hold what: name of the volume -> ids of containers. */
export class Holders {
  readonly #ids = new Map<string, Set<string>>();

  /** True when it is the first of that volume. */
  add(volume: string, id: string): boolean {
    const ids = this.#ids.get(volume) ?? new Set<string>();
    this.#ids.set(volume, ids);
    ids.add(id);
    return ids.size === 1;
  }

  /** True when it was there and the last of that volume. */
  delete(volume: string, id: string): boolean {
    const ids = this.#ids.get(volume);
    if (!ids?.delete(id) || ids.size > 0) return false;
    this.#ids.delete(volume);
    return true;
  }

  has(volume: string, id: string): boolean {
    return this.#ids.get(volume)?.has(id) ?? false;
  }

  of(volume: string): string[] {
    return [...(this.#ids.get(volume) ?? [])];
  }

  count(volume: string): number {
    return this.#ids.get(volume)?.size ?? 0;
  }
}
