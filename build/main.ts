// The builder's command line. `make` runs it without arguments.
import { parseArgs } from 'node:util';
import { build, type StageName, stageNames } from './build.ts';
import { createContext } from './context.ts';
import { BuildError, formatProblem } from './problem.ts';
import { reportText } from './stages/report.ts';

const usage = `usage: build/main.ts [--only=STAGE] [--json] [--quiet] [--plugins-dir=DIR] [--dist-dir=DIR] [--cache-dir=DIR] [--entry=FILE] [--arch=x64|arm64]
  --only=STAGE   stop after this stage; the ones before it come from their caches (${stageNames.join(', ')})`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      json: { type: 'boolean', default: false },
      quiet: { type: 'boolean', default: false },
      'plugins-dir': { type: 'string' },
      'dist-dir': { type: 'string' },
      'cache-dir': { type: 'string' },
      entry: { type: 'string' },
      arch: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const until = (values.only ?? 'report') as StageName;
  if (!stageNames.includes(until)) {
    console.error(`no such stage: ${values.only} (${stageNames.join(', ')})`);
    return 2;
  }
  const ctx = createContext({
    pluginsDir: values['plugins-dir'],
    distDir: values['dist-dir'],
    cacheDir: values['cache-dir'],
    entry: values.entry,
    arch: values.arch,
  });
  try {
    const result = await build(ctx, until);
    if (values.json) console.log(JSON.stringify(result.report ?? { stages: result.stages }, null, 2));
    else if (result.report && !values.quiet) console.log(reportText(result.report));
    else if (!values.quiet) console.log(result.stages.map(({ name, ms }) => `ok ${name} ${Math.round(ms)} ms`).join('\n'));
    return 0;
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    for (const problem of error.problems) console.error(`${formatProblem(problem)}\n`);
    console.error(
      `nothing was built (${error.problems.length} error${error.problems.length === 1 ? '' : 's'}); an executable built before is unchanged`,
    );
    return 1;
  }
}

process.exitCode = await main();
