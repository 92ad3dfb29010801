// Scans a plugin package without running it: from its entry through its own relative imports, syntax only. Dependencies are not judged,
// they are other people's and mostly fine; what they cannot do inside the executable, the bundler and the first start tell.
// The last word on what a plugin registers is had by running the bundle (stages/warm.ts): a call hidden behind a helper is not seen here.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ts } from 'ts-morph';
import { points } from '../hookplugins/points.ts';
import { resolveFile } from './package-entry.ts';
import { apiPackage } from './recorded.ts';
import type { Facts, Objection, RegisterCall } from './scan-facts.ts';
import { findings } from './scan-rules.ts';
import { enclosingFunction, functionName, originOf, requiredModule, type Scope, scopeOf } from './scan-scope.ts';

interface ScannedFile {
  readonly source: ts.SourceFile;
  readonly scope: Scope;
  readonly file: string;
}

/** A register call, and the function that must be called for it to run. */
interface Found {
  readonly call: RegisterCall;
  readonly within: ts.Node | undefined;
}

/** Scans the package in `dir` from its entry; `name` is its npm name, the default id of what it registers. */
export function scanPackage(dir: string, entry: string, name: string): Facts {
  const files = reachableFiles(dir, entry);
  const errors: Objection[] = [];
  for (const { source, scope, file } of files) {
    for (const { node, message, hint } of findings(source, scope))
      errors.push({ message, hint, file, ...position(source, node) });
  }
  const found = files.flatMap(registerCalls);
  const called = namesCalledAtLoad(files);
  const isReached = ({ within }: Found): boolean => within === undefined || called.has(functionName(within) ?? '');
  const registers = found.filter(isReached).map((one) => one.call);
  const [hidden] = found;
  const entryPlace = { file: path.relative(dir, entry), line: 1, column: 1 };
  if (registers.length === 0 && hidden) {
    const hint = 'call it at the top level of a module that the entry imports';
    errors.push({
      message: 'registers nothing: its register call is inside a function that is not called at module load',
      hint,
      ...placeOf(hidden.call),
    });
  } else if (registers.length === 0 && files.some(({ source }) => mentionsFirstVersion(source))) {
    const hint =
      'make a plugin file of it (hack/module --build-shared, then pouchd --plugin=FILE), or call the register functions at module load';
    const message = "registers nothing: it is of Pouch's first version, whose plugins export DaemonPlugin and ContainerPlugin";
    errors.push({ message, hint, firstVersion: true, ...entryPlace });
  } else if (registers.length === 0) {
    const hint = `call registerContainerPlugin() or another register function of ${apiPackage} at module load`;
    errors.push({ message: `registers nothing: no register function of ${apiPackage} is called`, hint, ...entryPlace });
  }
  return { registers, errors: [...errors, ...twice(registers, name)], files: files.map((one) => one.file) };
}

function mentionsFirstVersion(source: ts.SourceFile): boolean {
  const names = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) names.add(node.text);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return names.has('DaemonPlugin') && names.has('ContainerPlugin');
}

/** Objections to two registrations of one kind and id. `owner` gives calls without an id theirs. */
export function twice(calls: readonly RegisterCall[], owner: string): Objection[] {
  const first = new Map<string, RegisterCall>();
  const errors: Objection[] = [];
  for (const call of calls) {
    const id = call.id ?? owner;
    const key = `${call.kind} ${id}`;
    const before = first.get(key);
    if (!before) first.set(key, call);
    else {
      const message = `registers ${call.kind} plugin ${id} twice; the first is at ${before.file}:${before.line}:${before.column}`;
      errors.push({ message, hint: 'make one registration of the two, or give each an id of its own', ...placeOf(call) });
    }
  }
  return errors;
}

function placeOf(call: RegisterCall): Pick<Objection, 'file' | 'line' | 'column'> {
  return { file: call.file, line: call.line, column: call.column };
}

function reachableFiles(dir: string, entry: string): ScannedFile[] {
  const seen = new Set<string>();
  const out: ScannedFile[] = [];
  const queue = [entry];
  for (let file = queue.shift(); file; file = queue.shift()) {
    if (seen.has(file) || !existsSync(file) || !/\.[mc]?[jt]sx?$/.test(file)) continue;
    seen.add(file);
    const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
    out.push({ source, scope: scopeOf(source), file: path.relative(dir, file) });
    for (const specifier of relativeImports(source)) {
      const target = resolveFile(path.resolve(path.dirname(file), specifier));
      if (target && !path.relative(dir, target).startsWith('..')) queue.push(target);
    }
  }
  return out;
}

function relativeImports(source: ts.SourceFile): string[] {
  const out: string[] = [];
  const visit = (node: ts.Node): void => {
    let specifier: string | undefined;
    if (
      (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) &&
      node.moduleSpecifier &&
      ts.isStringLiteral(node.moduleSpecifier)
    ) {
      specifier = node.moduleSpecifier.text;
    } else if (ts.isCallExpression(node)) {
      const [first] = node.arguments;
      const imports = node.expression.kind === ts.SyntaxKind.ImportKeyword;
      specifier = imports && first && ts.isStringLiteralLike(first) ? first.text : requiredModule(node);
    }
    if (specifier?.startsWith('.')) out.push(specifier);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return out;
}

function registerCalls({ source, scope, file }: ScannedFile): Found[] {
  const out: Found[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node)) {
      const origin = originOf(node.expression, scope);
      const kind = origin?.module === apiPackage ? kindOf(origin.name) : undefined;
      if (kind)
        out.push({
          call: { ...describe(source, kind, node.arguments[0]), file, ...position(source, node) },
          within: enclosingFunction(node),
        });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return out;
}

function kindOf(name: string): string | undefined {
  if (name === 'register') return 'registration';
  if (name === 'registerVolumeDriver') return 'volumeDriver';
  return name.match(/^register([A-Z]\w*)Plugin$/)?.[1]?.toLowerCase();
}

function describe(
  source: ts.SourceFile,
  kind: string,
  argument: ts.Node | undefined,
): Pick<RegisterCall, 'kind' | 'id' | 'points'> {
  const object = objectOf(source, argument);
  if (!object) return { kind, id: `${kind}@${argument?.pos ?? 0}`, points: [] }; // computed: the run decides
  const names: string[] = [];
  const texts = new Map<string, string>();
  for (const property of object.properties) {
    const name =
      property.name && (ts.isIdentifier(property.name) || ts.isStringLiteral(property.name)) ? property.name.text : undefined;
    if (!name) continue;
    names.push(name);
    if (ts.isPropertyAssignment(property)) {
      texts.set(name, ts.isStringLiteralLike(property.initializer) ? property.initializer.text : `computed@${property.pos}`);
    }
  }
  const id = texts.get('id') ?? texts.get('name');
  if (kind === 'registration') return { kind: `registration ${texts.get('type') ?? ''}`.trim(), ...(id && { id }), points: [] };
  return { kind, ...(id && { id }), points: kind === 'volumeDriver' ? [] : names.filter((name) => `${kind}.${name}` in points) };
}

function objectOf(source: ts.SourceFile, node: ts.Node | undefined): ts.ObjectLiteralExpression | undefined {
  if (!node) return undefined;
  if (ts.isObjectLiteralExpression(node)) return node;
  if (ts.isSatisfiesExpression(node) || ts.isAsExpression(node) || ts.isParenthesizedExpression(node))
    return objectOf(source, node.expression);
  if (!ts.isIdentifier(node)) return undefined;
  for (const statement of source.statements) {
    if (!ts.isVariableStatement(statement)) continue;
    for (const declaration of statement.declarationList.declarations) {
      if (ts.isIdentifier(declaration.name) && declaration.name.text === node.text)
        return objectOf(source, declaration.initializer);
    }
  }
  return undefined;
}

function namesCalledAtLoad(files: readonly ScannedFile[]): Set<string> {
  const calls: { name: string; within: string | undefined; top: boolean }[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) || ts.isNewExpression(node)) {
      const name = ts.isIdentifier(node.expression)
        ? node.expression.text
        : ts.isPropertyAccessExpression(node.expression)
          ? node.expression.name.text
          : undefined;
      const within = enclosingFunction(node);
      if (name) calls.push({ name, within: within && functionName(within), top: within === undefined });
    }
    ts.forEachChild(node, visit);
  };
  for (const { source } of files) visit(source);
  const reached = new Set(calls.filter((call) => call.top).map((call) => call.name));
  for (let size = -1; size !== reached.size; ) {
    size = reached.size;
    for (const call of calls) if (call.within !== undefined && reached.has(call.within)) reached.add(call.name);
  }
  return reached;
}

function position(source: ts.SourceFile, node: ts.Node): { line: number; column: number } {
  const { line, character } = source.getLineAndCharacterOfPosition(node.getStart(source));
  return { line: line + 1, column: character + 1 };
}
