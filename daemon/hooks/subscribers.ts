import type { Orderable } from '../../hookplugins/order.ts';
import { orderPlugins } from '../../hookplugins/order.ts';
import type { AnyPlugin } from '../../hookplugins/plugin.ts';
import {
  kindOfPoint,
  methodOfPoint,
  type PluginKind,
  type PointName,
  pluginKinds,
  pointNames,
} from '../../hookplugins/points.ts';
import { hookType, type JsonSchema, type PluginPackage, uriOf } from '../../hookplugins/registry.ts';
import type { PluginRef } from './contract.ts';

/** A registered hook plugin with its object. */
export interface HookPlugin {
  readonly uri: string;
  readonly kind: PluginKind;
  readonly ref: PluginRef;
  readonly optional: boolean;
  readonly schema?: JsonSchema;
  readonly object: AnyPlugin;
  readonly hints: Orderable;
  /** Points that the object has a method for, in order of the table. */
  readonly points: readonly PointName[];
}

const kindByType = new Map<string, PluginKind>(pluginKinds.map((kind) => [hookType(kind), kind]));

/** The registration types of hook plugins. */
export const hookTypes: readonly string[] = [...kindByType.keys()];

/** A registration and the object it made as a hook plugin; undefined for other types. */
export function hookPluginOf(
  registration: { type: string; id: string; package: PluginPackage },
  object: AnyPlugin,
): HookPlugin | undefined {
  const kind = kindByType.get(registration.type);
  if (!kind) return undefined;
  const { package: owner, id } = registration;
  const { before, after, priority, requires } = { ...owner.order, ...definedHints(object) };
  return {
    uri: uriOf(registration),
    kind,
    ref: Object.freeze({ id, package: owner.name, version: owner.version }),
    optional: owner.optional === true,
    schema: object.configSchema ?? owner.configSchema,
    object,
    hints: { id, package: owner.name, before, after, priority, requires },
    points: pointNames.filter((point) => kindOfPoint(point) === kind && typeof object[methodOfPoint(point)] === 'function'),
  };
}

/** The plugins of each kind in the order of their calls. Throws invalidArgument for a cycle or a missing required plugin. */
export function orderByKind(plugins: readonly HookPlugin[]): Map<PluginKind, HookPlugin[]> {
  const everyone = plugins.map((one) => one.hints);
  return new Map(
    pluginKinds.map((kind) => {
      const ofKind = plugins.filter((one) => one.kind === kind).map((plugin) => ({ ...plugin.hints, plugin }));
      return [kind, orderPlugins(ofKind, everyone).map((one) => one.plugin)];
    }),
  );
}

function definedHints(object: AnyPlugin): Partial<Orderable> {
  const { before, after, priority, requires } = object;
  return Object.fromEntries(Object.entries({ before, after, priority, requires }).filter(([, value]) => value !== undefined));
}
