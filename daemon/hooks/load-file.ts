/*
 * `pouchd --plugin=FILE`: loads a plugin file that was built apart from the daemon (`hack/module --build-shared`). The file is one CommonJS module whose first line carries the plugin-API version and the
 * package it was made of. It is run as that package: what it registers is attributed to it like a compiled-in plugin's. A file that registers nothing is taken for one of the first version's shape.
 */
import { readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, parse, resolve } from 'node:path';
import { compileFunction, constants } from 'node:vm';
import * as api from '../../hookplugins/index.ts';
import { apiVersion, type PluginPackage, registrations, withPackage } from '../../hookplugins/registry.ts';
import { invalidArgument, messageOf } from '../errors/error.ts';
import { registerFirstVersion } from './first-version.ts';

/** What the first line of a plugin file tells. */
interface FileHeader {
  readonly apiVersion: number;
  readonly owner: PluginPackage;
}

const apiName = '@pouchd/hookplugins';
const opening = /^\/\*!? pouchd-plugin (\{.*\}) \*\/\s*$/;

/**
 * Loads one plugin file, before the graph is made, and returns the package that it is of. Throws invalidArgument naming the file: it cannot be read, anybody may write it, it was made for another plugin API
 * (naming both versions), it throws, or it has neither registrations nor the symbols of the first version. A file of the first version's shape that was written by hand needs no first line; its export
 * `apiVersion` is looked at instead, where there is one.
 */
export function loadPluginFile(file: string): PluginPackage {
  const path = resolve(file);
  const source = read(path);
  const header = headerOf(path, source);
  if (header) requireFit(path, header.apiVersion);
  const owner = header?.owner ?? { name: parse(path).name, version: '' };
  const before = registrations().length;
  withPackage(owner, () => {
    const symbols = evaluate(path, source);
    if (!header && typeof symbols['apiVersion'] === 'number') requireFit(path, symbols['apiVersion']);
    if (registrations().length === before) registerFirstVersion(symbols, `plugin file ${path}`);
    else if (!header) throw invalidArgument('it carries no plugin-API version: it was not made by hack/module --build-shared');
  });
  return owner;
}

function requireFit(path: string, made: number): void {
  if (made === apiVersion) return;
  throw invalidArgument(
    `plugin file ${path} was made for plugin API version ${made}, this pouchd has version ${apiVersion}; build it again with hack/module --build-shared`,
  );
}

function read(path: string): string {
  try {
    const { mode } = statSync(path);
    if (mode & 0o002) throw new Error('anybody may write it');
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw invalidArgument(`plugin file ${path} cannot be loaded: ${messageOf(error)}`, error);
  }
}

function headerOf(path: string, source: string): FileHeader | undefined {
  const [, json] = opening.exec(source.slice(0, source.indexOf('\n') >>> 0)) ?? [];
  if (!json) return undefined;
  const damaged = (what: string, cause?: unknown) =>
    invalidArgument(`plugin file ${path} has a damaged first line: ${what}`, cause);
  let header: Partial<PluginPackage & { apiVersion: number }>;
  try {
    header = JSON.parse(json) as typeof header; // checked below
  } catch (error) {
    throw damaged(messageOf(error), error);
  }
  const { apiVersion: made, name, version, ...more } = header;
  if (typeof made !== 'number' || typeof name !== 'string' || name === '' || typeof version !== 'string') {
    throw damaged('apiVersion, name and version are wanted');
  }
  return { apiVersion: made, owner: { ...more, name, version } };
}

/** Runs the module and gives its exports. `require` finds Node's own modules, what lies beside the file, and this daemon's plugin API. */
function evaluate(path: string, source: string): Record<string, unknown> {
  const outer = createRequire(path);
  const inner = (name: string): unknown => (name === apiName ? api : outer(name));
  const module = { exports: {} as Record<string, unknown> };
  const names = ['exports', 'require', 'module', '__filename', '__dirname'];
  let run: (...args: unknown[]) => unknown;
  try {
    run = compileFunction(source, names, {
      filename: path,
      importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    }) as typeof run;
  } catch (error) {
    if (!(error instanceof SyntaxError) || !/\b(import|export)\b/.test(error.message)) throw error;
    return outer(path) as Record<string, unknown>; // an ES module written by hand: Node's own loader takes it
  }
  run.call(module.exports, module.exports, Object.assign(inner, outer), module, path, dirname(path));
  return module.exports;
}
