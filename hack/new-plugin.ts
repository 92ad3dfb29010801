import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { treeRoot } from '../build/context.ts';
import { fail } from '../build/problem.ts';

/** What a new package starts with, by kind: the hook, and a test that calls it. `ctx` in tests is a real HookContext. */
interface Template {
  readonly register: string;
  readonly type: string;
  readonly hook: string;
  readonly test: string;
}

const templates: Readonly<Record<string, Template>> = {
  container: {
    register: 'registerContainerPlugin',
    type: 'ContainerPlugin',
    hook: `  /** Labels every container; \`config\` is Docker's create request and is changed in place. */
  preCreate(config, ctx) {
    config.Labels = { ...config.Labels, 'created-through': ctx.plugin.id };
  },`,
    test: `  const config: Parameters<typeof container.preCreate>[0] = { Image: 'busybox' };
  container.preCreate(config, ctx);
  assert.equal(config.Labels?.['created-through'], 'NAME');`,
  },
  daemon: {
    register: 'registerDaemonPlugin',
    type: 'DaemonPlugin',
    hook: `  /** Called before the daemon serves; an error keeps it from starting. */
  preStartHook(ctx) {
    ctx.log.info('starting');
  },`,
    test: `  daemon.preStartHook(ctx);
  assert.deepEqual(lines, ['starting']);`,
  },
  volume: {
    register: 'registerVolumePlugin',
    type: 'VolumePlugin',
    hook: `  /** Labels every volume; \`config\` is changed in place. */
  preVolumeCreate(config, ctx) {
    config.Labels = { ...config.Labels, 'created-through': ctx.plugin.id };
  },`,
    test: `  const config: Parameters<typeof volume.preVolumeCreate>[0] = { Name: 'data' };
  volume.preVolumeCreate(config, ctx);
  assert.equal(config.Labels?.['created-through'], 'NAME');`,
  },
  image: {
    register: 'registerImagePlugin',
    type: 'ImagePlugin',
    hook: `  /** Called when a pull is done. */
  postPull(_snapshotter, _image, ctx) {
    ctx.log.info('pulled');
  },`,
    test: `  image.postPull('overlayfs', {} as Parameters<typeof image.postPull>[1], ctx);
  assert.deepEqual(lines, ['pulled']);`,
  },
  network: {
    register: 'registerNetworkPlugin',
    type: 'NetworkPlugin',
    hook: `  /** Labels every network; \`config\` is changed in place. */
  preCreate(config, ctx) {
    config.Labels = { ...config.Labels, 'created-through': ctx.plugin.id };
  },`,
    test: `  const config: Parameters<typeof network.preCreate>[0] = { Name: 'backend' };
  network.preCreate(config, ctx);
  assert.equal(config.Labels?.['created-through'], 'NAME');`,
  },
  exec: {
    register: 'registerExecPlugin',
    type: 'ExecPlugin',
    hook: `  /** Called before the process of an exec starts; an error keeps it from starting. */
  preStart(exec, ctx) {
    ctx.log.info('exec starts', { container: exec.containerId, command: exec.config.Cmd });
  },`,
    test: `  exec.preStart({ id: 'e', containerId: 'c', config: { Cmd: ['true'] } }, ctx);
  assert.deepEqual(lines, ['exec starts']);`,
  },
  api: {
    register: 'registerAPIPlugin',
    type: 'APIPlugin',
    hook: `  /** Adds a route; the list that is returned is what is served. */
  updateHandler(handlers) {
    return [...handlers, { method: 'GET', path: '/NAME', handler: (_request, reply) => reply.send({ hello: 'NAME' }) }];
  },`,
    test: `  assert.deepEqual(api.updateHandler([]).map((handler) => handler.path), ['/NAME']);`,
  },
  cri: {
    register: 'registerCriPlugin',
    type: 'CriPlugin',
    hook: `  /** Sees every container that Kubernetes creates. */
  preCreateContainer(_config, _sandboxMeta, ctx) {
    ctx.log.info('creating for kubernetes');
  },`,
    test: `  cri.preCreateContainer({}, {} as Parameters<typeof cri.preCreateContainer>[1], ctx);
  assert.deepEqual(lines, ['creating for kubernetes']);`,
  },
};

/** Writes a plugin package into a new folder and returns it; the package builds, and its test passes. */
export function newPlugin(name: string, kinds: readonly string[], folder: string): string {
  if (!/^(@[a-z0-9][\w.-]*\/)?[a-z0-9][\w.-]*$/.test(name))
    fail(`${name} is no name for an npm package`, { hint: 'use lower-case letters, digits, - and .' });
  const unknown = kinds.find((kind) => !(kind in templates));
  if (unknown !== undefined)
    fail(`there is no template for kind ${unknown}`, { hint: `kinds: ${Object.keys(templates).join(', ')}` });
  if (existsSync(folder)) fail(`${folder} is there already`, { hint: 'choose another name, or --output=DIR' });
  mkdirSync(path.join(folder, 'node_modules/@pouchd'), { recursive: true });
  const api = path.join(treeRoot, 'hookplugins');
  symlinkSync(api, path.join(folder, 'node_modules/@pouchd/hookplugins'));
  const files = {
    'package.json': packageJson(name, kinds, folder),
    'tsconfig.json': tsconfig(),
    'index.ts': source(kinds),
    'index.test.ts': test(kinds),
    'README.md': readme(name, kinds),
  };
  for (const [file, text] of Object.entries(files)) writeFileSync(path.join(folder, file), text.replaceAll('NAME', name));
  return folder;
}

function packageJson(name: string, kinds: readonly string[], folder: string): string {
  const tree = path.relative(folder, treeRoot);
  const pkg = {
    name,
    version: '0.1.0',
    description: `A plugin of pouchd (${kinds.join(', ')})`,
    license: 'Apache-2.0',
    type: 'module',
    exports: './index.ts',
    files: ['index.ts'],
    scripts: { test: `${tree}/hack/node --test index.test.ts` },
    peerDependencies: { '@pouchd/hookplugins': '^1' },
    devDependencies: { '@pouchd/hookplugins': `file:${tree}/hookplugins` },
    pouchd: { title: name, kinds },
  };
  return `${JSON.stringify(pkg, null, 2)}\n`;
}

function tsconfig(): string {
  const compilerOptions = {
    target: 'es2024',
    module: 'preserve',
    strict: true,
    skipLibCheck: true,
    noEmit: true,
    allowImportingTsExtensions: true,
    types: ['node'],
  };
  return `${JSON.stringify({ compilerOptions, include: ['*.ts'] }, null, 2)}\n`;
}

function source(kinds: readonly string[]): string {
  const used = kinds.map((kind) => templates[kind] as Template);
  const names = used
    .flatMap(({ register, type }) => [register, `type ${type}`])
    .sort((a, b) => (a.replace('type ', '') < b.replace('type ', '') ? -1 : 1));
  const parts = kinds.map((kind, index) => {
    const { register, type, hook } = used[index] as Template;
    return `/** The ${kind} hooks of NAME; docs/hooks.md of pouchd lists every point. */\nexport const ${kind} = {\n  id: 'NAME',\n${hook}\n} satisfies ${type};\n\n${register}(${kind});\n`;
  });
  return `import { ${names.join(', ')} } from '@pouchd/hookplugins';\n\n${parts.join('\n')}`;
}

function test(kinds: readonly string[]): string {
  const tests = kinds.map(
    (kind) =>
      `test('the ${kind} hooks do their work', () => {\n  const { ctx, lines } = context();\n${(templates[kind] as Template).test}\n});\n`,
  );
  const usesLines = tests.some((text) => /\blines\b.*\]/.test(text.slice(text.indexOf('context()') + 9)));
  return `import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HookContext } from '@pouchd/hookplugins';
import { ${kinds.join(', ')} } from './index.ts';

/** What the daemon hands to a hook, with the lines that were logged. */
function context(): { ctx: HookContext; lines: string[] } {
  const lines: string[] = [];
  const write = (line: string): void => void lines.push(line);
  const log = { debug: write, info: write, warn: write, error: write };
  return { ctx: { signal: AbortSignal.timeout(1000), log, plugin: { id: 'NAME', package: 'NAME', version: '0.1.0' }, config: {} }, lines };
}

${usesLines ? tests.join('\n') : tests.join('\n').replaceAll('const { ctx, lines }', 'const { ctx }')}`;
}

function readme(name: string, kinds: readonly string[]): string {
  return `# ${name}

A plugin of pouchd: ${kinds.join(', ')} hooks.

    npm test                                   # calls the hooks
    hack/module --add-plugin=PATH && make      # in the tree of pouchd: compiles it in
`;
}
