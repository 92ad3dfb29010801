/*
 * `pouchd --plugin=FILE`: loads a plugin file that was built apart from the daemon (`hack/module --build-shared`). The file is one CommonJS module whose first line carries the plugin-API version and the
 * package it was made of. It is run as that package: what it registers is attributed to it like a compiled-in plugin's. A file that registers nothing is taken for one of the first version's shape.
 */
import { readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';
import { compileFunction, constants } from 'node:vm';
import * as api from '../../hookplugins/index.ts';
import { apiVersion, type PluginPackage, packageLabel, registrations, withPackage } from '../../hookplugins/registry.ts';
import { invalidArgument, messageOf } from '../errors/error.ts';
import { registerFirstVersion } from './first-version.ts';

/** What the first line of a plugin file tells. */
interface FileHeader extends PluginPackage {
  readonly apiVersion: number;
}

const apiName = '@pouchd/hookplugins';
const opening = /^\/\*!? pouchd-plugin (\{.*\}) \*\/\s*$/;

/**
 * Loads one plugin file, before the graph is made, and returns the package that it is of. Throws invalidArgument naming the file: it cannot be read, anybody may write it, it has no header, it was made for
 * another plugin API (naming both versions), it throws, or it has neither registrations nor the symbols of the first version.
 */
export function loadPluginFile(file: string): PluginPackage {
  const path = resolve(file);
  const source = read(path);
  const header = headerOf(path, source);
  if (header.apiVersion !== apiVersion) {
    throw invalidArgument(
      `plugin file ${path} was made for plugin API version ${header.apiVersion}, this pouchd has version ${apiVersion}; build it again with hack/module --build-shared`,
    );
  }
  const { apiVersion: _, ...owner } = header;
  const before = registrations().length;
  withPackage(owner, () => {
    const symbols = evaluate(path, source);
    if (registrations().length === before) registerFirstVersion(symbols, `plugin file ${path} (${packageLabel(owner)})`);
  });
  return owner;
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

function headerOf(path: string, source: string): FileHeader {
  const [, json] = opening.exec(source.slice(0, source.indexOf('\n') >>> 0)) ?? [];
  if (!json)
    throw invalidArgument(`plugin file ${path} carries no plugin-API version: it was not made by hack/module --build-shared`);
  let header: Partial<FileHeader>;
  try {
    header = JSON.parse(json) as Partial<FileHeader>; // checked below
  } catch (error) {
    throw invalidArgument(`plugin file ${path} has a damaged first line: ${messageOf(error)}`, error);
  }
  const { apiVersion: made, name, version } = header;
  if (typeof made !== 'number' || typeof name !== 'string' || name === '' || typeof version !== 'string') {
    throw invalidArgument(`plugin file ${path} has a damaged first line: apiVersion, name and version are wanted`);
  }
  return { ...header, apiVersion: made, name, version };
}

/** Runs the module and gives its exports. `require` finds Node's own modules, what lies beside the file, and this daemon's plugin API. */
function evaluate(path: string, source: string): Record<string, unknown> {
  const outer = createRequire(path);
  const inner = (name: string): unknown => (name === apiName ? api : outer(name));
  const module = { exports: {} as Record<string, unknown> };
  const names = ['exports', 'require', 'module', '__filename', '__dirname'];
  const run = compileFunction(source, names, {
    filename: path,
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  run.call(module.exports, module.exports, Object.assign(inner, outer), module, path, dirname(path));
  return module.exports;
}
