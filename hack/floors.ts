/**
 * The floors of the daemon, lowest first. A room imports rooms of lower floors only, never a neighbour on its own floor.
 * Everything that knows the order (check-floors.ts, docs) reads it here; a room is a folder of daemon/, but for hookplugins/.
 */
export const floors = [
  ['types', 'errors'],
  ['lib', 'hookplugins'],
  ['config', 'events', 'hooks', 'ctrd', 'store', 'remote'],
  ['images', 'volumes', 'networks', 'ocihooks', 'spec', 'stdio'],
  ['containers'],
  ['api', 'cri', 'grpc', 'cli'],
  ['boot'],
] as const;

/** A room's name. */
export type Room = (typeof floors)[number][number];

/** Packages that only some rooms may import: the heavy ones, which would else creep into the start of everything. */
export const packageRooms = [
  { package: 'fastify', rooms: ['api', 'boot'] },
  { package: '@grpc/grpc-js', rooms: ['ctrd', 'cri', 'grpc', 'errors', 'boot'] },
] as const satisfies readonly { package: string; rooms: readonly Room[] }[];

/** The folder of a room as a regular expression over paths relative to the tree. */
export function roomPattern(room: Room): string {
  return room === 'hookplugins' ? '^hookplugins/[^/]+$' : `^daemon/${room}/`;
}
