import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { apiVersion } from '../../hookplugins/registry.ts';

/** What a recorder plugin does besides. */
export interface RecorderOptions {
  /** Hints as in the `pouchd` key. */
  readonly order?: Record<string, unknown>;
  /** More JavaScript; `record(text)` appends a line, `api` is the plugin API, `hooks` maps points to functions called before the record. */
  readonly body?: string;
}

/**
 * Writes a plugin file (for `--plugin`) that registers every kind and appends `POINT NAME` to a file whenever a hook is called. It is today's shape: one that asks for the API by name.
 * Returns its path.
 */
export function recorderPlugin(dir: string, name: string, log: string, options: RecorderOptions = {}): string {
  const file = path.join(dir, `${name}.cjs`);
  const header = { apiVersion, name, version: '1.0.0', ...(options.order && { order: options.order }) };
  writeFileSync(
    file,
    `/*! pouchd-plugin ${JSON.stringify(header)} */
const { appendFileSync } = require('node:fs');
const api = require('@pouchd/hookplugins');
const record = (text) => appendFileSync(${JSON.stringify(log)}, text + '\\n');
const hooks = {};
${options.body ?? ''}
const kinds = new Map();
for (const point of Object.keys(api.points)) {
  const [kind, method] = point.split('.');
  const plugin = kinds.get(kind) ?? {};
  kinds.set(kind, plugin);
  plugin[method] = async (...args) => {
    record(point + ' ' + ${JSON.stringify(name)});
    const given = await hooks[point]?.(...args);
    if (given !== undefined) return given;
    return api.points[point].mode === 'collect' ? [] : api.points[point].mode === 'chain' ? args[0] : undefined;
  };
}
const name = (kind) => 'register' + (kind === 'api' ? 'API' : kind[0].toUpperCase() + kind.slice(1)) + 'Plugin';
for (const [kind, plugin] of kinds) api[name(kind)](plugin);
`,
  );
  return file;
}
