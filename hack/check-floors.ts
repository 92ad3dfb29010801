// Checks the rooms' imports against the floors with dependency-cruiser. It also fails when it looked at too little: with a compiler it
// does not know, dependency-cruiser finds 0 modules and says that all is well.
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { cruise, type IReporterOutput } from 'dependency-cruiser';
import { floorRules } from './floor-rules.ts';
import { floors } from './floors.ts';

const root = path.resolve(import.meta.dirname, '..');
process.chdir(root); // dependency-cruiser resolves against the working directory

const known = new Set<string>(floors.flat());
const strangers = readdirSync('daemon', { withFileTypes: true }).filter((entry) => entry.isDirectory() && !known.has(entry.name));
const folders = ['daemon', 'hookplugins', 'build/main.ts', 'build/stages', 'hack'].filter((folder) => existsSync(folder));

const { output }: IReporterOutput = await cruise(folders, {
  ruleSet: { forbidden: floorRules() },
  validate: true,
  doNotFollow: { path: 'node_modules' },
  exclude: { path: '(^|/)node_modules/.*/node_modules/' },
  tsPreCompilationDeps: true,
  enhancedResolveOptions: {
    extensions: ['.ts', '.js', '.mjs', '.cjs', '.json', '.d.ts'],
    exportsFields: ['exports'],
    conditionNames: ['import', 'node', 'default', 'types'],
  },
});
if (typeof output === 'string') throw new Error(output);

const modules = output.modules.filter((module) => !module.source.includes('node_modules') && !module.coreModule);
const edges = modules.reduce((sum, module) => sum + module.dependencies.length, 0);
for (const stranger of strangers)
  console.log(`daemon/${stranger.name}: a room that stands on no floor; add it to hack/floors.ts`);
for (const { from, to, rule, cycle } of output.summary.violations) {
  const comment = floorRules().find((candidate) => candidate.name === rule.name)?.comment ?? '';
  console.log(`${from} -> ${cycle ? cycle.map((step) => step.name).join(' -> ') : to}\n    ${rule.name}: ${comment}`);
}
const tooLittle = modules.length === 0 || edges === 0;
if (tooLittle) console.log(`looked at ${modules.length} modules and ${edges} imports: the check itself is broken`);
console.log(
  `floors: ${modules.length} modules, ${edges} imports, ${output.summary.violations.length + strangers.length} violations`,
);
process.exitCode = tooLittle || strangers.length > 0 || output.summary.error > 0 ? 1 : 0;
