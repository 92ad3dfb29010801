import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { median } from './measure.ts';
import type { Report } from './report.ts';

const tree = path.resolve(import.meta.dirname, '../..');

/** Wall time of the builder, packages installed: cold (no caches), nothing changed, and after a plugin was added. */
export async function benchBuild(report: Report): Promise<void> {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'bench-build-'));
  const plugins = path.join(dir, 'plugins');
  const place = [`--dist-dir=${path.join(dir, 'dist')}`, `--cache-dir=${path.join(dir, 'cache')}`, `--plugins-dir=${plugins}`];
  const build = () => timed(process.execPath, [path.join(tree, 'build/main.ts'), '--quiet', ...place]);
  const record = (flag: string) =>
    execFileSync(path.join(tree, 'hack/module'), [flag], {
      env: { ...process.env, POUCHD_PLUGINS_DIR: plugins },
      stdio: 'ignore',
    });
  try {
    fs.cpSync(path.join(tree, 'build/plugins'), plugins, { recursive: true });
    record('--clean');
    report.add('build, cold', 'ms', { most: 6000 }, build());
    report.add('build, nothing changed', 'ms', {}, median([build(), build(), build()]));
    const added: number[] = [];
    for (let round = 0; round < 3; round++) {
      record('--add-plugin=hookplugins/containerplugin');
      added.push(build());
      record('--clean');
      build();
    }
    report.add('build, after adding a plugin', 'ms', { most: 1500 }, median(added));
    report.add('size of the executable', 'MB', { most: 116 }, fs.statSync(path.join(dir, 'dist/pouchd')).size / 1e6);
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
}

function timed(command: string, args: string[]): number {
  const started = performance.now();
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  return performance.now() - started;
}
