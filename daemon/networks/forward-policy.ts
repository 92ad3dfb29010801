/*
 * A firewall beside ours may drop forwarded packets by policy: dockerd sets FORWARD to DROP. A rule of ours cannot overrule that, and chains of others are not touched. Then
 * published ports are served by the daemon's own sockets instead of being led on (that needs no forwarding), neighbours get shortcuts (neighbours.ts); connections of containers to the outside stay
 * cut off until the host's administrator lets our bridges pass, and a warning says so.
 */
import type { Programs } from './programs.ts';

/** What `nft` says of the other firewalls on this host, and of a table of ours for neighbours (neighbours.ts). */
export interface ForwardPolicy {
  /** Chains of others that drop what is forwarded over IPv4, as `table chain`. */
  blocking: string[];
  hasNeighbourTable: boolean;
}

/** Asks for the chains of the host. */
export async function readForwardPolicy(programs: Programs, ownTable: string): Promise<ForwardPolicy> {
  const text = await programs.sh(
    'nft list chains; if grep -qx filter /proc/net/ip_tables_names 2>/dev/null && command -v iptables-legacy >/dev/null; then iptables-legacy -S FORWARD; fi',
  );
  return {
    blocking: readBlockingChains(text).filter((one) => !one.startsWith(`${ownTable} `)),
    hasNeighbourTable: text.includes(`table netdev ${ownTable} {`),
  };
}

/** Reads `nft list chains`, and `iptables -S FORWARD` behind it. */
export function readBlockingChains(text: string): string[] {
  const found: string[] = [];
  let table = '';
  let chain = '';
  for (const line of text.split('\n')) {
    const tableMatch = /^table (\w+) (\S+) \{/.exec(line);
    if (tableMatch) table = tableMatch[1] === 'ip' || tableMatch[1] === 'inet' ? (tableMatch[2] ?? '') : '';
    chain = /^\s+chain (\S+) \{/.exec(line)?.[1] ?? chain;
    if (table !== '' && /hook forward .*policy drop;/.test(line)) found.push(`${table} ${chain}`);
    if (line.trim() === '-P FORWARD DROP') found.push('filter FORWARD');
  }
  return [...new Set(found)];
}
