/** The tables of the daemon's database: one row an object, its value kept as JSON. */
export type Table = 'containers' | 'execs' | 'volumes' | 'networks' | 'endpoints' | 'images' | 'events' | 'ocihooks' | 'meta';

/**
 * What the rooms keep their state in (node:sqlite, WAL, synchronous=FULL). All calls are synchronous: when `put` returns, the row
 * survives power loss. Inside `transaction` all writes are one commit; a throw rolls them back.
 */
export interface Store {
  get<T>(table: Table, id: string): T | undefined;
  all<T>(table: Table): { id: string; value: T }[];
  put(table: Table, id: string, value: unknown): void;
  delete(table: Table, id: string): void;
  transaction<T>(work: () => T): T;
  close(): void;
}
