import type { PluginRef } from './contract.ts';

/** Two plugins changed one field of one request. */
export interface Conflict {
  /** Path of the field: `HostConfig.Memory`, `Env[PATH]`, `Labels.owner`. */
  readonly field: string;
  readonly first: PluginRef;
  readonly second: PluginRef;
}

/**
 * Watches one argument through the calls of one request: `after(plugin)` tells which fields that plugin changed that an earlier plugin had changed too. Costs a walk over the
 * argument per call, so it is only made when somebody wants to know.
 */
export class ChangeWatch {
  readonly #subject: unknown;
  readonly #changers = new Map<string, PluginRef>();
  #fields: Map<string, unknown>;

  constructor(subject: unknown) {
    this.#subject = subject;
    this.#fields = fieldsOf(subject);
  }

  after(plugin: PluginRef): Conflict[] {
    const now = fieldsOf(this.#subject);
    const conflicts: Conflict[] = [];
    for (const field of this.#fields.keys().toArray().concat(now.keys().toArray())) {
      if (this.#fields.get(field) === now.get(field) && this.#fields.has(field) === now.has(field)) continue;
      const first = this.#changers.get(field);
      if (first && first !== plugin) conflicts.push({ field, first, second: plugin });
      this.#changers.set(field, plugin);
    }
    this.#fields = now;
    return conflicts;
  }
}

/** Leaves by path. Lists of strings are sets keyed by what is before `=`, so that two plugins may each add a variable. */
function fieldsOf(subject: unknown): Map<string, unknown> {
  const fields = new Map<string, unknown>();
  const walk = (value: unknown, path: string, depth: number): void => {
    if (Array.isArray(value)) {
      for (const [index, one] of value.entries()) {
        if (typeof one === 'string') fields.set(`${path}[${one.split('=', 1)[0]}]`, one);
        else walk(one, `${path}[${index}]`, depth + 1);
      }
    } else if (value !== null && typeof value === 'object' && depth < 16) {
      for (const [name, one] of Object.entries(value)) walk(one, path ? `${path}.${name}` : name, depth + 1);
    } else if (value !== undefined) {
      fields.set(path, value);
    }
  };
  walk(subject, '', 0);
  return fields;
}
