const cache = new Map<string, RegExp | undefined>();

/** Go's `path.Match`: `*` and `?` stop at a slash, `[a-z]` and `[^a]` are classes, `\` quotes. A pattern that is none matches only itself. */
export function globMatches(pattern: string, text: string): boolean {
  if (!cache.has(pattern)) {
    if (cache.size > 100) cache.clear();
    cache.set(pattern, compile(pattern));
  }
  return cache.get(pattern)?.test(text) ?? pattern === text;
}

function compile(pattern: string): RegExp | undefined {
  let source = '';
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at]!;
    if (char === '*') source += '[^/]*';
    else if (char === '?') source += '[^/]';
    else if (char === '\\') source += quote(pattern[++at] ?? '');
    else if (char === '[') {
      const end = pattern.indexOf(']', at + 2);
      if (end < 0) return undefined;
      source += `[${pattern.slice(at + 1, end).replaceAll('\\', '\\\\')}]`;
      at = end;
    } else source += quote(char);
  }
  try {
    return new RegExp(`^${source}$`, 's');
  } catch {
    return undefined;
  }
}

function quote(char: string): string {
  return char.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}
