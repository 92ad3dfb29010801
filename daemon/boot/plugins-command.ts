import { registrations, uriOf } from '../../hookplugins/registry.ts';
import { loadPlugins, plugins } from './manifest.ts';

/** `pouchd plugins …`: what is compiled in. Starts nothing. Gives the exit code. */
export async function pluginsCommand(args: readonly string[]): Promise<number> {
  loadPlugins();
  const rows = plugins.map((one) => ({
    name: one.name,
    version: one.version,
    registrations: registrations()
      .filter((other) => other.package.name === one.name)
      .map((other) => uriOf(other)),
  }));
  process.stdout.write(
    args.includes('--json')
      ? `${JSON.stringify(rows, undefined, 2)}\n`
      : rows.map((row) => `${row.name}@${row.version}\n`).join(''),
  );
  return 0;
}
