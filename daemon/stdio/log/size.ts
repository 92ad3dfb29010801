/** `10m`, `1.5k`, `2GB` as bytes with decimal units (Docker's FromHumanSize) or, with `binary`, 1024s (its RAMInBytes). Undefined when it is no size. */
export function parseSize(text: string, options: { binary?: boolean } = {}): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp]?)i?b?$/i.exec(text);
  if (!match) return undefined;
  const power = ' kmgtp'.indexOf((match[2] ?? '').toLowerCase() || ' ');
  return Math.floor(Number(match[1]) * (options.binary ? 1024 : 1000) ** power);
}
