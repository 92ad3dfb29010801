// The command line of the recorded set; hack/module starts it with the tree's own Node.
import path from 'node:path';
import { parseArgs } from 'node:util';
import { build } from '../build/build.ts';
import { type BuildContext, createContext } from '../build/context.ts';
import { pluginLabel, type VerifiedPlugin } from '../build/plugin.ts';
import { BuildError, formatProblem } from '../build/problem.ts';
import { readLock, readSet } from '../build/recorded.ts';
import { type Change, clean, isInstalled, record } from '../build/stages/record.ts';
import { buildShared } from './build-shared.ts';
import { newPlugin } from './new-plugin.ts';

const usage = `hack/module: what is compiled into pouchd. \`make\` then builds exactly what is recorded here.

  --add-plugin=PKG     record a plugin package (repeatable): an npm name, NAME@VERSION or NAME@RANGE, a folder,
                       a .tgz, a git address, or hookplugins/NAME for one that ships in this tree
  --add-volume=PKG     the same for a package that must bring a volume driver or volume hooks (repeatable)
  --remove-plugin=PKG  take one out again (repeatable)
  --list [--json]      what is recorded
  --check              verify and type-check everything that is recorded
  --clean              record nothing
  --dry-run            with the above: tell what would be recorded, change nothing

  --new-plugin=NAME    write a package to start from into the folder NAME, with a test
    --kind=KIND,...    its kinds: daemon, container, volume, cri, api, image, network, exec (default: container)
    --output=DIR       write it there instead
  --build-shared=PKG --output=FILE
                       make one file of a plugin, to be loaded with pouchd --plugin=FILE
  --help`;

const options = {
  'add-plugin': { type: 'string', multiple: true },
  'add-volume': { type: 'string', multiple: true },
  'remove-plugin': { type: 'string', multiple: true },
  list: { type: 'boolean' },
  json: { type: 'boolean' },
  check: { type: 'boolean' },
  clean: { type: 'boolean' },
  'dry-run': { type: 'boolean' },
  'new-plugin': { type: 'string' },
  kind: { type: 'string' },
  'build-shared': { type: 'string' },
  output: { type: 'string' },
  help: { type: 'boolean' },
} as const;

async function main(): Promise<number> {
  const { values, tokens } = parseArgs({ options, tokens: true });
  const given = tokens.filter((token) => token.kind === 'option');
  const empty = given.find((token) => token.value !== undefined && token.value.trim() === '');
  if (empty) return misuse(`--${empty.name} needs a value`);
  if (values.help || given.length === 0) {
    console.log(usage);
    return values.help ? 0 : 2;
  }
  const ctx = createContext();
  const cwd = process.cwd();
  if (values['new-plugin'] !== undefined) {
    const folder = newPlugin(
      values['new-plugin'],
      (values.kind ?? 'container').split(','),
      path.resolve(cwd, values.output ?? values['new-plugin'].split('/').at(-1) ?? ''),
    );
    console.log(
      `written to ${folder}\n  test it:    cd ${folder} && npm test\n  compile it: hack/module --add-plugin=${folder} && make`,
    );
    return 0;
  }
  if (values['build-shared'] !== undefined) {
    if (!values.output) return misuse('--build-shared needs --output=FILE');
    console.log(await buildShared(values['build-shared'], path.resolve(cwd, values.output), cwd));
    return 0;
  }
  if (values.clean && !values['dry-run']) await clean(ctx);
  const changes: Change[] = given.flatMap(({ name, value }): Change[] => {
    if (value === undefined) return [];
    if (name === 'remove-plugin') return [{ do: 'remove', name: value }];
    return name === 'add-plugin' || name === 'add-volume' ? [{ do: 'add', spec: value, volume: name === 'add-volume' }] : [];
  });
  if (changes.length > 0) tell(await record(ctx, changes, cwd, values['dry-run']), values['dry-run'] === true);
  if (values.check) {
    const { plugins } = await build(ctx, 'check');
    console.log(`${plugins.length} recorded plugin${plugins.length === 1 ? '' : 's'} verified and type-checked`);
  }
  if (values.list) list(ctx, values.json === true);
  return 0;
}

function tell({ added, removed }: { added: readonly VerifiedPlugin[]; removed: readonly string[] }, isDryRun: boolean): void {
  const would = isDryRun ? 'would be ' : '';
  for (const plugin of added) {
    const registers = plugin.facts.registers.map((call) =>
      call.points.length > 0 ? `${call.kind} (${call.points.join(', ')})` : call.kind,
    );
    console.log(`${would}recorded: ${pluginLabel(plugin)}, which registers ${registers.join('; ')}`);
  }
  for (const name of removed) console.log(`${would}removed: ${name}`);
  if (!isDryRun) console.log('run `make` to build');
}

function list(ctx: BuildContext, isJson: boolean): void {
  const set = readSet(ctx);
  const lock = readLock(ctx);
  const rows = set.pouchd.plugins.map(({ name, volume }) => {
    const locked = lock?.packages[`node_modules/${name}`];
    return {
      name,
      version: locked?.version ?? '?',
      recorded: set.dependencies[name] ?? '',
      ...(locked?.integrity && { integrity: locked.integrity }),
      ...(volume && { volume }),
      installed: isInstalled(ctx, name),
    };
  });
  if (isJson) console.log(JSON.stringify(rows, null, 2));
  else if (rows.length === 0) console.log('nothing is recorded');
  if (isJson) return;
  const width = Math.max(...rows.map((row) => row.name.length));
  for (const row of rows)
    console.log(`${row.name.padEnd(width)}  ${row.version.padEnd(10)}  ${row.recorded}${row.volume ? '  (volume)' : ''}`);
}

function misuse(message: string): number {
  console.error(`error: ${message}\n\n${usage}`);
  return 2;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (error instanceof BuildError) {
    for (const problem of error.problems) console.error(`${formatProblem(problem)}\n`);
    console.error('nothing was changed');
  } else if ((error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS')) {
    console.error(`error: ${(error as Error).message}\n\n${usage}`);
  } else throw error;
  process.exitCode = 1;
}
