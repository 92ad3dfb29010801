import { readFileSync } from 'node:fs';
import { invalidArgument } from '../errors/error.ts';

/**
 * The numeric id of the group that owns unix sockets: the one named (throws invalidArgument when it does not exist), else `pouch`, else `docker`, else root's.
 */
export function socketGroup(name: string, groupFile = '/etc/group'): number {
  const ids = readGroups(groupFile);
  if (name === '') return ids.get('pouch') ?? ids.get('docker') ?? 0;
  if (/^\d+$/.test(name)) return Number(name);
  const id = ids.get(name);
  if (id === undefined)
    throw invalidArgument(
      `group ${name} does not exist on this machine; make it (groupadd ${name}) or name another with --group`,
    );
  return id;
}

function readGroups(path: string): Map<string, number> {
  const ids = new Map<string, number>();
  let text = '';
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return ids; // a machine without the file has no groups but root's
  }
  for (const line of text.split('\n')) {
    const [group, , id] = line.split(':');
    if (group && id) ids.set(group, Number(id));
  }
  return ids;
}
