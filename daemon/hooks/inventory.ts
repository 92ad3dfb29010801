import type { PackageRef } from '../../hookplugins/context.ts';
import type { AnyPlugin } from '../../hookplugins/plugin.ts';
import { failedPackages, packages, type RegisteredPlugin, registrations, uriOf } from '../../hookplugins/registry.ts';
import type { PluginRef, PointName } from './contract.ts';
import { type HookPlugin, hookPluginOf, orderByKind } from './subscribers.ts';

/** One registration of a plugin package. */
export interface InventoryEntry {
  readonly uri: string;
  readonly id: string;
  /** Kind of a hook plugin; missing for other registrations. */
  readonly kind?: string;
  /** Points that it listens at. */
  readonly points?: readonly PointName[];
}

/** A plugin package that is in this executable, or was loaded from a file. */
export interface InventoryRow extends PackageRef {
  readonly title?: string;
  readonly optional: boolean;
  readonly plugins: readonly InventoryEntry[];
  /** Why an optional package failed to load. */
  readonly error?: string;
}

/** What is compiled in, by package in recorded order, without starting anything: `pouchd plugins --json`. */
export function inventory(): InventoryRow[] {
  const made = registrations();
  const failed = new Map(failedPackages().map((one) => [one.name, one.error.message]));
  return packages().map((owner) => {
    const error = failed.get(owner.name);
    return {
      name: owner.name,
      version: owner.version,
      ...(owner.title && { title: owner.title }),
      optional: owner.optional === true,
      plugins: made.filter((one) => one.package === owner).map(entryOf),
      ...(error && { error }),
    };
  });
}

/** The order in which the plugins of a point are called, before the configuration has its say: `pouchd plugins --order POINT`. */
export function callOrder(point: PointName): PluginRef[] {
  const all = registrations().flatMap((one) => compiled(one) ?? []);
  const ordered = [...orderByKind(all).values()].flat();
  return ordered.filter((plugin) => plugin.points.includes(point)).map((plugin) => plugin.ref);
}

function entryOf(registration: RegisteredPlugin): InventoryEntry {
  const plugin = compiled(registration);
  const entry = { uri: uriOf(registration), id: registration.id };
  return plugin ? { ...entry, kind: plugin.kind, points: plugin.points } : entry;
}

function compiled(registration: RegisteredPlugin): HookPlugin | undefined {
  return registration.hook && hookPluginOf(registration, registration.hook as AnyPlugin); // made by registerHookPlugin
}
