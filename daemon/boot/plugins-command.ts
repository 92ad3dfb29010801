import type { PointName } from '../../hookplugins/points.ts';
import { pointNames } from '../../hookplugins/points.ts';
import { messageOf } from '../errors/error.ts';
import { callOrder, type InventoryRow, inventory } from '../hooks/inventory.ts';
import { loadPlugins } from './manifest.ts';

/** `pouchd plugins …`: what is compiled in, told without starting anything; `stats` and `trace` ask a running daemon. Gives the exit code. */
export async function pluginsCommand(args: readonly string[]): Promise<number> {
  const [word] = args;
  if (word === 'stats' || word === 'trace') return (await import('../cli/main.ts')).runCli(['plugins', ...args]);
  const { json, order, problem } = readFlags(args);
  if (problem) return complain(problem, 2);
  try {
    loadPlugins();
  } catch (error) {
    return complain(messageOf(error), 1);
  }
  if (order) {
    const plugins = callOrder(order);
    print(json ? plugins : plugins.map((one, at) => `${at + 1}. ${one.id} (${one.package}@${one.version})\n`).join(''));
  } else print(json ? inventory() : inventory().map(line).join(''));
  return 0;
}

interface Flags {
  json: boolean;
  order?: PointName;
  problem?: string;
}

function readFlags(args: readonly string[]): Flags {
  const flags: Flags = { json: false };
  for (let at = 0; at < args.length; at += 1) {
    const word = args[at] ?? '';
    if (word === '--json') flags.json = true;
    else if (word === '--order' || word.startsWith('--order=')) {
      const name = word === '--order' ? args[++at] : word.slice('--order='.length);
      flags.order = pointNames.find((one) => one === name);
      if (!flags.order)
        flags.problem = `${name ? `no hook point ${name}` : '--order needs a hook point'}; points are ${pointNames.join(', ')}`;
    } else flags.problem = `unknown word ${word} after plugins; there are --json, --order POINT, stats and trace`;
  }
  return flags;
}

function line(row: InventoryRow): string {
  const parts = row.plugins.map((one) => (one.kind ? `${one.kind}: ${(one.points ?? []).join(' ')}` : one.uri));
  return `${row.name}@${row.version}${row.error ? ` (failed: ${row.error})` : ''}\n${parts.map((part) => `  ${part}\n`).join('')}`;
}

function print(value: unknown): void {
  process.stdout.write(typeof value === 'string' ? value : `${JSON.stringify(value, undefined, 2)}\n`);
}

function complain(text: string, code: number): number {
  process.stderr.write(`pouchd: ${text}\n`);
  return code;
}
