import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { createContext, treeRoot } from '../build/context.ts';
import { pluginLabel } from '../build/plugin.ts';
import { bundleError } from '../build/stages/bundle.ts';
import { manifestRow } from '../build/stages/manifest.ts';
import { record } from '../build/stages/record.ts';
import { apiVersion } from '../hookplugins/registry.ts';

/**
 * Makes one CommonJS file of a plugin package and all it needs, for `pouchd --plugin=FILE`. The package goes through the same verification as a
 * recorded one, in a set of its own. The first line is `/*! pouchd-plugin {"apiVersion":1,"name":…,"version":…} *\/`, readable without running it.
 * Returns one line for the user.
 */
export async function buildShared(spec: string, output: string, cwd: string): Promise<string> {
  const home = path.join(createContext().cacheDir, 'shared');
  mkdirSync(home, { recursive: true });
  const dir = mkdtempSync(path.join(home, 'set-'));
  try {
    const ctx = createContext({ pluginsDir: path.join(dir, 'plugins'), allowsFirstVersion: true });
    const { added } = await record(ctx, [{ do: 'add', spec, volume: false }], cwd);
    const [plugin] = added;
    if (!plugin) throw new Error(`${spec} was recorded as nothing`);
    const esbuild = await import('esbuild');
    try {
      await esbuild.build({
        entryPoints: [plugin.entry],
        outfile: output,
        absWorkingDir: treeRoot,
        bundle: true,
        platform: 'node',
        format: 'cjs',
        target: `node${process.versions.node}`,
        keepNames: true,
        legalComments: 'none',
        logLevel: 'silent',
        alias: { '@pouchd/hookplugins': path.join(treeRoot, 'hookplugins/index.ts') },
        banner: { js: `/*! pouchd-plugin ${JSON.stringify({ apiVersion, ...manifestRow(plugin) }).replaceAll('*/', '*\\/')} */` }, // what a compiled-in plugin's row has: its config schema, order, title
      });
    } catch (error) {
      throw bundleError(error, added);
    } finally {
      await esbuild.stop();
    }
    return `${path.relative(cwd, output)}: ${pluginLabel(plugin)} for plugin API ${apiVersion}; load it with pouchd --plugin=${output}`;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
