// What a user names as a plugin, in npm's terms: folders and tarballs by absolute path, everything else as it was written; which name npm then
// recorded it under; and what npm's errors mean.
import { copyFileSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { hashOf } from './content-cache.ts';
import { type BuildContext, treeRoot } from './context.ts';
import { BuildError, fail } from './problem.ts';
import { apiPackage } from './recorded.ts';

/** What npm is asked for: folders and tarballs as absolute paths, everything else as the user wrote it. */
export function npmSpec(ctx: BuildContext, spec: string, cwd: string): string {
  const inTree = path.join(treeRoot, spec);
  const isPath = /^(\.{0,2}\/|file:)/.test(spec) || spec === '.' || spec === '..';
  const given = path.resolve(cwd, spec.replace(/^file:/, ''));
  const file = !isPath && /^hookplugins\/[^/]+\/?$/.test(spec) && existsSync(inTree) ? inTree : given;
  const found = statSync(file, { throwIfNoEntry: false });
  if (!found) {
    if (isPath || /\.(tgz|tar\.gz)$/.test(spec))
      fail(`${spec}: there is no such file or folder (looked for ${file})`, {
        hint: 'give the folder or .tgz of an npm package',
      });
    return spec;
  }
  if (found.isDirectory()) return `file:${packageFolder(spec, file)}`;
  if (!isPath && !/\.(tgz|tar\.gz|tar)$/.test(spec)) return spec; // a file that happens to be called like an npm package
  if (!/\.(tgz|tar\.gz|tar)$/.test(file))
    fail(`${spec} is a file, but no package: expected a folder or a .tgz`, { hint: 'make one with npm pack' });
  return `file:${keepTarball(ctx, file)}`;
}

function packageFolder(spec: string, folder: string): string {
  const file = path.join(folder, 'package.json');
  if (!existsSync(file))
    fail(`${spec} is a folder without a package.json`, { hint: 'hack/module --new-plugin=NAME writes a package to start from' });
  let pkg: { name?: unknown };
  try {
    pkg = JSON.parse(readFileSync(file, 'utf8')) as { name?: unknown };
  } catch (error) {
    fail(`its package.json is not JSON: ${(error as Error).message}`, {
      package: spec,
      place: { file, line: 1, column: 1 },
      hint: 'repair the file',
    });
  }
  if (typeof pkg.name !== 'string' || pkg.name === '')
    fail('its package.json has no name', {
      package: spec,
      place: { file, line: 1, column: 1 },
      hint: 'add "name" and "version"',
    });
  return folder;
}

/** The set keeps its own copy of a tarball, named by content, so that it builds wherever it goes. */
function keepTarball(ctx: BuildContext, file: string): string {
  const ending = /\.tar\.gz$/.test(file) ? '.tar.gz' : path.extname(file);
  const name = `${path.basename(file, ending)}-${hashOf(readFileSync(file)).slice(0, 12)}${ending}`;
  const home = path.join(ctx.pluginsDir, 'tarballs');
  mkdirSync(home, { recursive: true });
  copyFileSync(file, path.join(home, name));
  return path.join(home, name);
}

/** The name a package was recorded under, told by what changed in package.json; undefined when that does not tell. */
export function nameOf(
  ctx: BuildContext,
  spec: string,
  before: Record<string, string>,
  after: Record<string, string>,
): string | undefined {
  const changed = Object.keys(after).filter((name) => before[name] !== after[name]);
  if (changed.length === 1) return changed[0];
  if (spec.startsWith('file:')) {
    const file = path.relative(ctx.pluginsDir, spec.slice('file:'.length));
    return Object.keys(after).find((name) => after[name] === `file:${file}`);
  }
  const plain = /^(@[^/]+\/)?[^@/]+/.exec(spec)?.[0];
  if (plain && plain in after) return plain;
  return Object.keys(after).find((name) => after[name]?.includes(spec));
}

/** npm's failure as a problem of the package. */
export function explain(spec: string, output: string): BuildError {
  const text = output.replace(/^npm (error|ERR!) ?/gm, '').trim();
  const missing = /code E404/.test(text) || /404 Not Found/.test(text);
  if (/ERESOLVE/.test(text) && text.includes(apiPackage)) {
    const wants = /peer (@pouchd\/hookplugins@"[^"]+")/.exec(text)?.[1] ?? `another ${apiPackage}`;
    const { version } = JSON.parse(readFileSync(path.join(treeRoot, 'hookplugins/package.json'), 'utf8')) as { version: string };
    return new BuildError([
      {
        package: spec,
        message: `wants ${wants}, this tree has ${version}`,
        hint: 'take a version of the plugin made for this plugin API, or widen its peerDependencies',
      },
    ]);
  }
  if (/(ETARGET|notarget)/.test(text))
    return new BuildError([
      {
        package: spec,
        message: 'the registry has no such version',
        hint: `see the versions: npm view ${spec.replace(/(.)@.*$/, '$1')} versions`,
      },
    ]);
  if (missing)
    return new BuildError([
      {
        package: spec,
        message: 'the registry has no such package',
        hint: 'check the name; a folder is written ./NAME, a plugin of this tree hookplugins/NAME',
      },
    ]);
  return new BuildError([
    {
      package: spec,
      message: `npm failed:\n${text
        .split('\n')
        .filter((line) => !/complete log|^$/.test(line))
        .join('\n')}`,
      hint: 'see what npm says above',
    },
  ]);
}
