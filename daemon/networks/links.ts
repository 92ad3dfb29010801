import { existsSync } from 'node:fs';
import type { Programs } from './programs.ts';

/** True when the daemon's namespace has that interface. Not asked of /sys: that shows the namespace in which it was mounted. */
export function hasLink(name: string): boolean {
  return existsSync(`/proc/sys/net/ipv4/conf/${name}`);
}

/** The interfaces of the daemon's namespace with their aliases ('' for none), or only one of them. */
export async function listLinks(programs: Programs, name?: string): Promise<Map<string, string>> {
  for (let tries = 0; ; tries++) {
    const text = await programs.sh(`ip -o link show${name === undefined ? '' : ` dev ${name}`}`);
    if (!text.includes('Dump was interrupted') || tries === 5) return readLinks(text); // the kernel's list changed meanwhile
  }
}

/** Reads `ip -o link show`. */
export function readLinks(text: string): Map<string, string> {
  const links = new Map<string, string>();
  for (const line of text.split('\n')) {
    const name = /^\d+: ([^:@]+)[:@]/.exec(line)?.[1];
    if (name) links.set(name, /\\\s+alias (.*)$/.exec(line)?.[1]?.trim() ?? '');
  }
  return links;
}
