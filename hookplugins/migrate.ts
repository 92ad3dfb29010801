import { invalidArgument, messageOf } from '../daemon/errors/error.ts';
import { type RegisteredPlugin, uriOf } from './registry.ts';

/** Version of the configuration that this daemon writes and reads; older ones are migrated. */
export const configVersion = 1;

/**
 * Brings config sections (by URI) written for version `from` to the version of today, one version at a time: at each step every registration that has a section and a `configMigration` changes its own. Returns
 * new sections. Throws invalidArgument for a version that is newer than today's, and naming the registration whose migration failed.
 */
export function migrateSections(
  registrations: readonly RegisteredPlugin[],
  sections: Readonly<Record<string, unknown>>,
  from: number,
  to: number = configVersion,
): Record<string, unknown> {
  if (!Number.isInteger(from) || from < 1) throw invalidArgument(`config version ${from} is no version`);
  if (from > to) throw invalidArgument(`config version ${from} is newer than ${to}, the newest that this pouchd reads`);
  const migrated = { ...sections };
  for (let version = from; version < to; version += 1) {
    for (const one of registrations) {
      const uri = uriOf(one);
      const section = migrated[uri];
      if (!one.configMigration || section === null || typeof section !== 'object') continue;
      try {
        migrated[uri] = one.configMigration(structuredClone(section) as Record<string, unknown>, version); // an object, just seen
      } catch (error) {
        throw invalidArgument(
          `config of plugin ${uri} cannot be brought from version ${version} to ${version + 1}: ${messageOf(error)}`,
          error,
        );
      }
    }
  }
  return migrated;
}
