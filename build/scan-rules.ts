// What a plugin may not do, each with what to do instead. A plugin's code becomes part of one file that may be moved anywhere: nothing
// stands beside it, nothing can be found by a computed name, and process.execPath is the daemon itself.
import { ts } from 'ts-morph';
import { isDeclared, originOf, plainModule, type Scope } from './scan-scope.ts';

/** An objection to a node. */
export interface Finding {
  readonly node: ts.Node;
  readonly message: string;
  readonly hint: string;
}

const literalHint =
  'name the module with a string literal, so that it can be compiled in; choose among several with a table of literal imports';
const besideHint =
  "import the file itself (.json and .txt as they are, anything else with the loader of its ending), or take a path from the plugin's configuration (ctx.config)";
const forkHint =
  'start another program by its own path; process.execPath is pouchd itself, and starting it again would go on without end';

/** All objections to one file. */
export function findings(source: ts.SourceFile, scope: Scope): Finding[] {
  const found: Finding[] = [];
  const hasOwnRequire = isDeclared(source, 'require');
  const ownPaths = new Set(['__dirname', '__filename'].filter((name) => isDeclared(source, name)));
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node)) found.push(...ofCall(node, scope, hasOwnRequire));
    else if (ts.isNewExpression(node)) found.push(...ofNew(node, scope));
    else if (ts.isMetaProperty(node)) found.push(...ofMeta(node));
    else if (ts.isIdentifier(node)) found.push(...ofIdentifier(node, ownPaths));
    else if (isTopLevelAwait(node)) {
      const hint = 'register at module load and wait inside a hook, or in initFn of register(), which may be async';
      found.push({ node, message: 'top-level await: the module would not be loaded when the daemon goes on', hint });
    } else if (ts.isStringLiteralLike(node) && node.text === 'pouchd.registry.v1') {
      found.push({
        node,
        message: 'contains a second copy of the plugin API',
        hint: 'leave @pouchd/hookplugins out of your bundle (external) and in peerDependencies',
      });
    } else if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier) {
      if (ts.isStringLiteral(node.moduleSpecifier)) found.push(...ofSpecifier(node.moduleSpecifier));
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function ofCall(node: ts.CallExpression, scope: Scope, hasOwnRequire: boolean): Finding[] {
  const [first] = node.arguments;
  const literal = first && ts.isStringLiteralLike(first) ? first : undefined;
  if (node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    return literal ? ofSpecifier(literal) : [{ node, message: 'import() of a computed name', hint: literalHint }];
  }
  if (ts.isIdentifier(node.expression) && node.expression.text === 'require' && !hasOwnRequire) {
    return literal ? ofSpecifier(literal) : [{ node, message: 'require() of a computed name', hint: literalHint }];
  }
  if (isProperty(node.expression, 'require', 'resolve') && !hasOwnRequire)
    return [{ node, message: 'require.resolve() finds no module inside the executable', hint: literalHint }];
  if (isProperty(node.expression, 'process', 'dlopen')) return [nativeAddon(node)];
  const origin = originOf(node.expression, scope);
  if (!origin) return [];
  if (origin.module === 'module' && origin.name === 'createRequire')
    return [{ node, message: 'createRequire() finds no module inside the executable', hint: literalHint }];
  if (origin.module === 'bindings' || origin.module === 'node-gyp-build') return [nativeAddon(node)];
  if (origin.name === 'fork' && (origin.module === 'child_process' || origin.module === 'cluster')) {
    return [{ node, message: `${origin.module}.fork() would start the daemon again, without end`, hint: forkHint }];
  }
  if (origin.module === 'child_process' && node.arguments.some(mentionsExecPath)) {
    return [{ node, message: `${origin.name}() of process.execPath would start the daemon again, without end`, hint: forkHint }];
  }
  return [];
}

function ofNew(node: ts.NewExpression, scope: Scope): Finding[] {
  const origin = originOf(node.expression, scope);
  const isWorker = origin
    ? origin.module === 'worker_threads' && origin.name === 'Worker'
    : ts.isIdentifier(node.expression) && node.expression.text === 'Worker';
  const options = node.arguments?.[1];
  const isSource =
    options &&
    ts.isObjectLiteralExpression(options) &&
    options.properties.some(
      (one) =>
        ts.isPropertyAssignment(one) && one.name.getText() === 'eval' && one.initializer.kind === ts.SyntaxKind.TrueKeyword,
    );
  if (!isWorker || isSource) return [];
  return [
    {
      node,
      message: 'a Worker from a file: the file is not beside the executable',
      hint: 'give the worker its source as text: new Worker(source, { eval: true })',
    },
  ];
}

function ofMeta(node: ts.MetaProperty): Finding[] {
  const parent = node.parent;
  if (!ts.isPropertyAccessExpression(parent) || !['url', 'dirname', 'filename', 'resolve'].includes(parent.name.text)) return [];
  return [{ node, message: `import.meta.${parent.name.text} is no place of the plugin inside the executable`, hint: besideHint }];
}

function ofIdentifier(node: ts.Identifier, own: ReadonlySet<string>): Finding[] {
  if ((node.text !== '__dirname' && node.text !== '__filename') || own.has(node.text)) return [];
  if (ts.isPropertyAccessExpression(node.parent) && node.parent.name === node) return [];
  if (ts.isPropertyAssignment(node.parent) && node.parent.name === node) return [];
  return [{ node, message: `reads beside ${node.text}, which is the folder of the executable`, hint: besideHint }];
}

function ofSpecifier(node: ts.StringLiteralLike): Finding[] {
  if (node.text.endsWith('.node')) return [nativeAddon(node)];
  if (plainModule(node.text).startsWith('@pouchd/hookplugins/') && node.text !== '@pouchd/hookplugins/testing') {
    return [{ node, message: `${node.text} is inside the plugin API`, hint: "import from '@pouchd/hookplugins' itself" }];
  }
  return [];
}

function nativeAddon(node: ts.Node): Finding {
  return {
    node,
    message: 'a native addon cannot be compiled into the executable',
    hint: 'use a package in JavaScript or WebAssembly, or talk to a program of its own',
  };
}

function isProperty(node: ts.Expression, object: string, name: string): boolean {
  return (
    ts.isPropertyAccessExpression(node) &&
    node.name.text === name &&
    ts.isIdentifier(node.expression) &&
    node.expression.text === object
  );
}

function mentionsExecPath(node: ts.Node): boolean {
  if (ts.isPropertyAccessExpression(node) && isProperty(node, 'process', node.name.text))
    return node.name.text === 'execPath' || node.name.text === 'argv0';
  if (ts.isElementAccessExpression(node) && isProperty(node.expression, 'process', 'argv'))
    return node.argumentExpression.getText() === '0';
  return ts.forEachChild(node, (child) => mentionsExecPath(child) || undefined) ?? false;
}

function isTopLevelAwait(node: ts.Node): boolean {
  const waits =
    ts.isAwaitExpression(node) ||
    (ts.isForOfStatement(node) && node.awaitModifier !== undefined) ||
    (ts.isVariableDeclarationList(node) && (node.flags & ts.NodeFlags.AwaitUsing) === ts.NodeFlags.AwaitUsing);
  if (!waits) return false;
  for (let at = node.parent; at; at = at.parent) if (ts.isFunctionLike(at) || ts.isClassStaticBlockDeclaration(at)) return false;
  return true;
}
