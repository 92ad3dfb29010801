import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { internal, messageOf } from '../errors/error.ts';
import type { Store, Table } from './contract.ts';

/** Version of the tables' layout, kept in `PRAGMA user_version`. A newer one is refused, an older one is brought up step by step. */
export const schemaVersion = 1;

const tables = [
  'containers',
  'execs',
  'volumes',
  'networks',
  'endpoints',
  'images',
  'events',
  'ocihooks',
  'meta',
] as const satisfies Table[];

/** Steps from version n to n + 1; the first makes the tables. */
const migrations: readonly string[] = [
  tables.map((table) => `CREATE TABLE ${table} (id TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;`).join('\n'),
];

interface Statements {
  readonly get: StatementSync;
  readonly all: StatementSync;
  readonly put: StatementSync;
  readonly delete: StatementSync;
}

/**
 * Opens (or makes) the daemon's database. WAL with synchronous=FULL: a commit survives power loss when the call returns. Statements are prepared when a table is first
 * used. Nested transactions join the outer one. Throws `internal` naming the file when it is damaged or written by a newer daemon.
 */
export function openStore(path: string): Store {
  mkdirSync(dirname(path), { recursive: true, mode: 0o711 });
  const database = open(path);
  const prepared = new Map<Table, Statements>();
  let depth = 0;

  const on = (table: Table): Statements => {
    let statements = prepared.get(table);
    if (!statements) {
      statements = {
        get: database.prepare(`SELECT value FROM ${table} WHERE id = ?`),
        all: database.prepare(`SELECT id, value FROM ${table} ORDER BY id`),
        put: database.prepare(
          `INSERT INTO ${table} (id, value) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET value = excluded.value`,
        ),
        delete: database.prepare(`DELETE FROM ${table} WHERE id = ?`),
      };
      prepared.set(table, statements);
    }
    return statements;
  };

  return {
    get<T>(table: Table, id: string) {
      const row = on(table).get.get(id);
      return row === undefined ? undefined : (JSON.parse(String(row['value'])) as T); // the caller wrote it as T
    },
    all<T>(table: Table) {
      return on(table)
        .all.all()
        .map((row) => ({ id: String(row['id']), value: JSON.parse(String(row['value'])) as T })); // as above
    },
    put(table, id, value) {
      on(table).put.run(id, JSON.stringify(value));
    },
    delete(table, id) {
      on(table).delete.run(id);
    },
    transaction<T>(work: () => T): T {
      if (depth > 0) return work();
      database.exec('BEGIN IMMEDIATE');
      depth += 1;
      try {
        const result = work();
        database.exec('COMMIT');
        return result;
      } catch (error) {
        if (database.isTransaction) database.exec('ROLLBACK');
        throw error;
      } finally {
        depth -= 1;
      }
    },
    close() {
      if (database.isOpen) database.close();
    },
  };
}

function open(path: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path);
    database.exec(
      'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 2000; PRAGMA wal_autocheckpoint = 400; PRAGMA cache_size = -512',
    );
    migrate(database);
    return database;
  } catch (error) {
    database?.close();
    throw internal(`cannot open the daemon's database ${path}: ${messageOf(error)}`, error);
  }
}

function migrate(database: DatabaseSync): void {
  const found = Number(database.prepare('PRAGMA user_version').get()?.['user_version'] ?? 0);
  if (found > schemaVersion)
    throw internal(`it has schema version ${found}, this daemon knows up to ${schemaVersion}; use a newer pouchd`);
  if (found === schemaVersion) return;
  database.exec(`BEGIN IMMEDIATE;\n${migrations.slice(found).join('\n')}\nPRAGMA user_version = ${schemaVersion};\nCOMMIT;`);
}
