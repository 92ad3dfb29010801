// Compares the public plugin API with the API report in git, hookplugins/hookplugins.api.md; `--write` brings the report up to date.
// Declarations are made by the native compiler, then api-extractor rolls them up. A change of the API shows as a diff in the same commit.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor';
import { tscPath } from './tools.ts';

const root = path.resolve(import.meta.dirname, '..');
const out = path.join(root, 'build/cache/api');
const report = path.join(root, 'hookplugins/hookplugins.api.md');
const write = process.argv.includes('--write');

mkdirSync(out, { recursive: true });
const tsconfig = path.join(out, 'tsconfig.json');
writeFileSync(
  tsconfig,
  JSON.stringify({
    extends: '../../../tsconfig.json',
    compilerOptions: {
      noEmit: false,
      declaration: true,
      emitDeclarationOnly: true,
      incremental: false,
      rewriteRelativeImportExtensions: true,
      rootDir: '../../..',
      outDir: './types',
      tsBuildInfoFile: null,
    },
    files: ['../../../hookplugins/index.ts'],
    include: [],
  }),
);
execFileSync(tscPath(), ['-p', tsconfig], { stdio: 'inherit' });

const config = ExtractorConfig.prepare({
  configObject: {
    projectFolder: root,
    mainEntryPointFilePath: path.join(out, 'types/hookplugins/index.d.ts'),
    compiler: { tsconfigFilePath: tsconfig },
    apiReport: {
      enabled: true,
      reportFileName: path.basename(report),
      reportFolder: path.dirname(report),
      reportTempFolder: path.join(out, 'temp'),
    },
    docModel: { enabled: false },
    dtsRollup: { enabled: false },
    tsdocMetadata: { enabled: false },
    newlineKind: 'lf',
    messages: {
      extractorMessageReporting: {
        default: { logLevel: 'none' as ExtractorLogLevel },
        'ae-forgotten-export': { logLevel: 'none' as ExtractorLogLevel },
      },
      tsdocMessageReporting: { default: { logLevel: 'none' as ExtractorLogLevel } },
    },
  },
  configObjectFullPath: path.join(root, 'package.json'),
  packageJsonFullPath: path.join(root, 'hookplugins/package.json'),
});
const result = Extractor.invoke(config, {
  localBuild: write,
  messageCallback: (message) => {
    message.handled = message.logLevel !== ExtractorLogLevel.Error; // the compiler's version note and the progress lines say nothing here
  },
});
if (result.apiReportChanged && !write) {
  const fresh = path.join(out, 'temp', path.basename(report));
  console.log(
    `the plugin API differs from ${path.relative(root, report)}; look at the change, then run: node hack/check-api.ts --write`,
  );
  console.log(lineDiff(readFileSync(report, 'utf8'), readFileSync(fresh, 'utf8')).join('\n'));
}
process.exitCode = result.succeeded && (write || !result.apiReportChanged) ? 0 : 1;

function lineDiff(before: string, after: string): string[] {
  const old = new Set(before.split('\n'));
  const now = new Set(after.split('\n'));
  return [
    ...[...old].filter((line) => !now.has(line)).map((line) => `- ${line}`),
    ...[...now].filter((line) => !old.has(line)).map((line) => `+ ${line}`),
  ];
}
