import type { ExecTable } from './exec-table.ts';
import type { Room } from './room.ts';

/** What the verbs on a container's processes and files work with. */
export interface ProcessRoom
  extends Pick<Room, 'state' | 'table' | 'ctrd' | 'images' | 'volumes' | 'stdio' | 'hooks' | 'events' | 'log' | 'host'> {
  readonly execs: ExecTable;
}
