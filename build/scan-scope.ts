// Names in one file, syntactically: which local name stands for which export of which module (imports and requires alike), and which
// function encloses a node. No types, no program: 3 ms a plugin.
import { ts } from 'ts-morph';

/** An export of a module; `*` is the module itself. */
export interface Origin {
  readonly module: string;
  readonly name: string;
}

/** Local name -> where it comes from. */
export type Scope = ReadonlyMap<string, Origin>;

/** `node:fs` and `fs` are the same module. */
export function plainModule(specifier: string): string {
  return specifier.replace(/^node:/, '');
}

/** The module a `require("x")` call names, unwrapped from TypeScript's interop helpers; undefined for anything else. */
export function requiredModule(node: ts.Node | undefined): string | undefined {
  if (!node) return undefined;
  if (ts.isParenthesizedExpression(node)) return requiredModule(node.expression);
  if (!ts.isCallExpression(node)) return undefined;
  const [first] = node.arguments;
  if (ts.isIdentifier(node.expression) && node.expression.text === 'require' && first && ts.isStringLiteralLike(first))
    return plainModule(first.text);
  const isInterop = ts.isIdentifier(node.expression) && /^__(import|to|interop)/.test(node.expression.text);
  return isInterop ? requiredModule(first) : undefined;
}

/** Collects the imports of a file, wherever in it they stand. */
export function scopeOf(source: ts.SourceFile): Scope {
  const scope = new Map<string, Origin>();
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
      const module = plainModule(node.moduleSpecifier.text);
      const clause = node.importClause;
      if (clause?.name) scope.set(clause.name.text, { module, name: 'default' });
      if (clause?.namedBindings && ts.isNamespaceImport(clause.namedBindings))
        scope.set(clause.namedBindings.name.text, { module, name: '*' });
      else if (clause?.namedBindings && ts.isNamedImports(clause.namedBindings)) {
        for (const one of clause.namedBindings.elements)
          scope.set(one.name.text, { module, name: (one.propertyName ?? one.name).text });
      }
    } else if (ts.isVariableDeclaration(node)) {
      const module = requiredModule(node.initializer);
      if (module && ts.isIdentifier(node.name)) scope.set(node.name.text, { module, name: '*' });
      else if (module && ts.isObjectBindingPattern(node.name)) {
        for (const one of node.name.elements) {
          const key = one.propertyName ?? one.name;
          if (ts.isIdentifier(one.name) && ts.isIdentifier(key)) scope.set(one.name.text, { module, name: key.text });
        }
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return scope;
}

/** Where a called or constructed expression comes from: `fork`, `cp.fork`, `(0, cp.fork)`, `require("x").fork`. */
export function originOf(expression: ts.Expression, scope: Scope): Origin | undefined {
  if (ts.isParenthesizedExpression(expression)) return originOf(expression.expression, scope);
  if (ts.isBinaryExpression(expression) && expression.operatorToken.kind === ts.SyntaxKind.CommaToken)
    return originOf(expression.right, scope);
  if (ts.isIdentifier(expression)) return scope.get(expression.text);
  if (!ts.isPropertyAccessExpression(expression)) return undefined;
  const required = requiredModule(expression.expression);
  if (required) return { module: required, name: expression.name.text };
  const left = originOf(expression.expression, scope);
  return left && (left.name === '*' || left.name === 'default') ? { module: left.module, name: expression.name.text } : undefined;
}

const atOnce = new Set(['forEach', 'map', 'flatMap', 'filter', 'reduce', 'some', 'every', 'from']);

/** The function whose call decides whether a node runs; undefined at module level. Functions called where they stand are seen through. */
export function enclosingFunction(node: ts.Node): ts.Node | undefined {
  for (let at = node.parent; at; at = at.parent) {
    if (ts.isFunctionLike(at) && !isCalledAtOnce(at)) return at;
    if (ts.isPropertyDeclaration(at) && !at.modifiers?.some((modifier) => modifier.kind === ts.SyntaxKind.StaticKeyword))
      return at;
  }
  return undefined;
}

function isCalledAtOnce(fn: ts.Node): boolean {
  let outer = fn.parent;
  while (outer && ts.isParenthesizedExpression(outer)) outer = outer.parent;
  if (!outer || !ts.isCallExpression(outer)) return false;
  if (outer.expression.pos <= fn.pos && fn.end <= outer.expression.end) return true;
  return ts.isPropertyAccessExpression(outer.expression) && atOnce.has(outer.expression.name.text);
}

/** The name a function is called by: its own, or that of the variable or property that holds it. */
export function functionName(fn: ts.Node): string | undefined {
  const named = fn as { name?: ts.Node };
  if (named.name && ts.isIdentifier(named.name)) return named.name.text;
  const holder = fn.parent;
  if (holder && (ts.isVariableDeclaration(holder) || ts.isPropertyAssignment(holder)) && ts.isIdentifier(holder.name))
    return holder.name.text;
  return undefined;
}

/** `declare const x`: a promise to the compiler, nothing at run time. */
function isAmbient(node: ts.Node): boolean {
  return (ts.getCombinedModifierFlags(node as ts.Declaration) & ts.ModifierFlags.Ambient) !== 0;
}

/** Whether a name is declared inside the file, so that it is not the global or module-level one. */
export function isDeclared(source: ts.SourceFile, name: string): boolean {
  let found = false;
  const visit = (node: ts.Node): void => {
    if (found) return;
    const declares =
      ts.isVariableDeclaration(node) || ts.isParameter(node) || ts.isFunctionDeclaration(node) || ts.isBindingElement(node);
    if (declares && !isAmbient(node) && node.name && ts.isIdentifier(node.name) && node.name.text === name) found = true;
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}
