import { readFile, stat } from 'node:fs/promises';
import { type ContainerCreateConfig, PluginError, type SandboxMeta } from '@pouchd/hookplugins';

/** One rule: what it is for, and what it adds. A condition that is not given always holds. */
export interface Rule {
  readonly namespaces?: readonly string[];
  /** Labels of the pod that must be there with these values. */
  readonly podLabels?: Readonly<Record<string, string>>;
  readonly runtimeHandlers?: readonly string[];
  /** Added to the environment unless the container sets them itself; `{namespace}`, `{pod}`, `{uid}` are replaced. */
  readonly env?: Readonly<Record<string, string>>;
  /** Added to the labels unless the container has them. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** Applies the rules in order to a container that is about to be created. */
export function applyRules(rules: readonly Rule[], config: ContainerCreateConfig, pod: SandboxMeta): void {
  const fill = (text: string) =>
    text.replaceAll('{namespace}', pod.namespace).replaceAll('{pod}', pod.name).replaceAll('{uid}', pod.uid);
  for (const rule of rules.filter((one) => holds(one, pod))) {
    const has = new Set((config.Env ?? []).map((line) => line.split('=', 1)[0]));
    const missing = Object.entries(rule.env ?? {}).filter(([name]) => !has.has(name));
    if (missing.length > 0) config.Env = [...(config.Env ?? []), ...missing.map(([name, value]) => `${name}=${fill(value)}`)];
    const labels = Object.entries(rule.labels ?? {}).map(([name, value]) => [name, fill(value)]);
    if (labels.length > 0) config.Labels = { ...Object.fromEntries(labels), ...config.Labels };
  }
}

function holds(rule: Rule, pod: SandboxMeta): boolean {
  if (rule.namespaces && !rule.namespaces.includes(pod.namespace)) return false;
  if (rule.runtimeHandlers && !rule.runtimeHandlers.includes(pod.runtimeHandler)) return false;
  return Object.entries(rule.podLabels ?? {}).every(([name, value]) => pod.labels[name] === value);
}

/** A policy file that is read when it has changed since the last look. */
export class PolicyFile {
  readonly #path: string;
  #rules: readonly Rule[] = [];
  #stamp = '';

  constructor(path: string) {
    this.#path = path;
  }

  /** The rules, or undefined when there is no file. Throws for a file that is no policy, naming it. */
  async rules(): Promise<readonly Rule[] | undefined> {
    const found = await stat(this.#path, { bigint: true }).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (!found) return undefined;
    const stamp = `${found.ino} ${found.size} ${found.mtimeNs}`;
    if (stamp !== this.#stamp) {
      this.#rules = parse(this.#path, await readFile(this.#path, 'utf8'));
      this.#stamp = stamp;
    }
    return this.#rules;
  }
}

function parse(path: string, text: string): Rule[] {
  const wrong = (what: string, cause?: unknown) => new PluginError('internal', `policy file ${path}: ${what}`, { cause });
  let whole: unknown;
  try {
    whole = JSON.parse(text);
  } catch (error) {
    throw wrong(`not JSON: ${(error as Error).message}`, error);
  }
  const rules = whole !== null && typeof whole === 'object' && 'rules' in whole ? whole.rules : undefined;
  if (!Array.isArray(rules)) throw wrong('`rules` must be an array');
  for (const [index, rule] of rules.entries()) {
    if (rule === null || typeof rule !== 'object') throw wrong(`rule ${index} is no object`);
    for (const name of ['namespaces', 'runtimeHandlers'] as const) {
      if (rule[name] !== undefined && !(Array.isArray(rule[name]) && rule[name].every(isText)))
        throw wrong(`${name} of rule ${index} must be an array of text`);
    }
    for (const name of ['podLabels', 'env', 'labels'] as const) {
      if (rule[name] !== undefined && !isTextRecord(rule[name]))
        throw wrong(`${name} of rule ${index} must be an object of text`);
    }
  }
  return rules;
}

const isText = (value: unknown) => typeof value === 'string';
const isTextRecord = (value: unknown) =>
  value !== null && typeof value === 'object' && !Array.isArray(value) && Object.values(value).every(isText);
