import { type Kind, kindOf, messageOf, PouchError } from '../errors/error.ts';
import type { PluginRef, PointName } from './contract.ts';

/** Kinds that a plugin may choose for the answer; everything else it throws is the daemon's 500. */
const chosen = new Set<Kind>(['invalidArgument', 'unauthenticated', 'forbidden', 'notFound', 'conflict', 'alreadyExists']);

/** A plugin's failure at a point. `cause` is what it threw. */
export class HookError extends PouchError {
  readonly plugin: PluginRef;
  readonly point: PointName;

  constructor(plugin: PluginRef, point: PointName, failure: { kind: Kind; message: string; cause?: unknown }) {
    super(failure.kind, `plugin ${labelOf(plugin)} at ${point}: ${failure.message}`, { cause: failure.cause });
    this.name = 'HookError';
    this.plugin = plugin;
    this.point = point;
  }
}

/** `id`, and the package where that says more. */
export function labelOf(plugin: PluginRef): string {
  const source = plugin.version ? `${plugin.package}@${plugin.version}` : plugin.package;
  return plugin.id === source ? plugin.id : `${plugin.id} (${source})`;
}

/** Wraps what a plugin threw, whatever it is; its kind is kept when it is one that plugins may choose. */
export function thrownBy(plugin: PluginRef, point: PointName, cause: unknown): HookError {
  const kind = kindOf(cause);
  return new HookError(plugin, point, { kind: chosen.has(kind) ? kind : 'internal', message: textOf(cause), cause });
}

/** The error of a result that is not what the point asks for. */
export function nonsense(plugin: PluginRef, point: PointName, returned: { value: unknown; expected: string }): HookError {
  return new HookError(plugin, point, {
    kind: 'internal',
    message: `returned ${shown(returned.value)}, expected ${returned.expected}`,
  });
}

/** The message of anything thrown; never throws itself. */
export function textOf(value: unknown): string {
  try {
    return messageOf(value);
  } catch {
    return 'threw something that cannot be told'; // a proxy or a circular object
  }
}

function shown(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  try {
    const text = typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);
    return text.length > 80 ? `${text.slice(0, 77)}...` : text;
  } catch {
    return `a ${typeof value}`;
  }
}
