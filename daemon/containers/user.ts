import { invalidArgument } from '../errors/error.ts';

/** Who a process runs as, by the image's own passwd and group. */
export interface ResolvedUser {
  uid: number;
  gid: number;
  /** The group itself first, as Docker sets them. */
  additionalGids: number[];
  username?: string;
  home?: string;
}

/** The text of a file of the container's root, or undefined when it is not there. */
export type ReadFile = (path: string) => string | undefined;

interface PasswdEntry {
  name: string;
  uid: number;
  gid: number;
  home: string;
}
interface GroupEntry {
  name: string;
  gid: number;
  members: string[];
}

const maxId = 2 ** 31 - 1;

/**
 * Looks up `user[:group]` (names or numbers; empty is root) and extra groups. A number needs no entry; a name without one is
 * invalidArgument with Docker's text.
 */
export function resolveUser(text: string, extraGroups: readonly string[], read: ReadFile): ResolvedUser {
  const [userPart = '', groupPart] = text.split(':', 2);
  const users = parsePasswd(read('/etc/passwd'));
  const groups = parseGroup(read('/etc/group'));
  const wanted = userPart === '' ? '0' : userPart;
  const entry = users.find((one) => one.name === wanted) ?? users.find((one) => String(one.uid) === wanted);
  if (!entry && !/^\d+$/.test(wanted)) throw invalidArgument(`unable to find user ${wanted}: no matching entries in passwd file`);
  const uid = entry?.uid ?? checkedId(wanted);
  let gid = entry?.gid ?? 0;
  const additional: number[] = [];
  if (groupPart) gid = groupId(groupPart, groups);
  else if (entry) additional.push(...groups.filter((one) => one.members.includes(entry.name)).map((one) => one.gid));
  for (const group of extraGroups) additional.push(groupId(group, groups));
  return {
    uid,
    gid,
    additionalGids: [...new Set([gid, ...additional])],
    ...(entry ? { username: entry.name, home: entry.home } : {}),
  };
}

function groupId(text: string, groups: readonly GroupEntry[]): number {
  const found = groups.find((one) => one.name === text);
  if (found) return found.gid;
  if (/^\d+$/.test(text)) return checkedId(text);
  throw invalidArgument(`unable to find group ${text}: no matching entries in group file`);
}

function checkedId(text: string): number {
  const id = Number(text);
  if (id > maxId) throw invalidArgument('uids and gids must be in range 0-2147483647');
  return id;
}

function rows(text: string | undefined): string[][] {
  return (text ?? '')
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .map((line) => line.split(':'));
}

function parsePasswd(text: string | undefined): PasswdEntry[] {
  return rows(text).flatMap(([name = '', , uid, gid, , home = '']) =>
    uid && /^\d+$/.test(uid) ? [{ name, uid: Number(uid), gid: Number(gid ?? 0), home }] : [],
  );
}

function parseGroup(text: string | undefined): GroupEntry[] {
  return rows(text).flatMap(([name = '', , gid, members = '']) =>
    gid && /^\d+$/.test(gid) ? [{ name, gid: Number(gid), members: members.split(',').filter(Boolean) }] : [],
  );
}
