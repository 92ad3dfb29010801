import { readFileSync } from 'node:fs';

/** What a resolv.conf says. */
export interface ResolvConf {
  servers: string[];
  search: string[];
  options: string[];
}

/** Reads the text of a resolv.conf: the last search (or domain) line counts, comments are dropped. */
export function parseResolvConf(text: string): ResolvConf {
  const conf: ResolvConf = { servers: [], search: [], options: [] };
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/);
    if (keyword === 'nameserver' && values[0]) conf.servers.push(values[0]);
    else if (keyword === 'search' || keyword === 'domain') conf.search = values;
    else if (keyword === 'options') conf.options.push(...values);
  }
  return conf;
}

/** The host's resolvers; a missing file has none. A host that runs systemd-resolved behind 127.0.0.53 is asked for the servers behind it, as Docker does. */
export function readHostResolvConf(): ResolvConf {
  const conf = readIfThere('/etc/resolv.conf');
  if (conf.servers.length !== 1 || conf.servers[0] !== '127.0.0.53') return conf;
  const behind = readIfThere('/run/systemd/resolve/resolv.conf');
  return behind.servers.length > 0 ? behind : conf;
}

function readIfThere(path: string): ResolvConf {
  try {
    return parseResolvConf(readFileSync(path, 'utf8'));
  } catch {
    return { servers: [], search: [], options: [] };
  }
}

/** True for servers that only the host itself reaches. */
export function isLoopbackServer(server: string): boolean {
  return server.startsWith('127.') || server === '::1';
}
