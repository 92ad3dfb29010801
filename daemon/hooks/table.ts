/*
 * Who is called at which point, and how. The order of plugins is settled once; `reload` settles their configuration and replaces the table as a whole, so a call under way ends as it
 * began. Figures outlive a reload.
 */
import type { PluginLog } from '../../hookplugins/context.ts';
import { methodOfPoint, type PointData, type PointName, points } from '../../hookplugins/points.ts';
import { type Subscription, scoped } from './call.ts';
import type { HookPluginState, HooksConfig } from './contract.ts';
import { type PluginSettings, settle } from './policies.ts';
import { PointStats } from './stats.ts';
import { type HookPlugin, orderByKind } from './subscribers.ts';
import { Tracer } from './trace.ts';

type Table = ReadonlyMap<PointName, readonly Subscription[]>;
/** What plugins do about each other's changes: nothing looks, they are told, or they are refused. */
type ConflictMode = 'ignore' | 'tell' | 'error';

/** What a caller is made of. */
export interface HooksInput {
  readonly plugins: readonly HookPlugin[];
  readonly config?: HooksConfig;
  readonly log: PluginLog & { withTag?(tag: string): PluginLog };
}

/** The plugins of the daemon, their settings and figures, and from these the table that calls walk. */
export class HookTable {
  readonly log: HooksInput['log'];
  readonly tracer = new Tracer();
  readonly ordered: readonly HookPlugin[];
  table: Table = new Map();
  conflicts: ConflictMode = 'ignore';
  readonly #plugins: readonly HookPlugin[];
  readonly #stats = new Map<string, PointStats>();
  readonly #failed = new Map<string, string>(); // package -> why it was left out
  #settings = new Map<HookPlugin, PluginSettings>();

  constructor(input: HooksInput) {
    this.log = input.log;
    this.#plugins = input.plugins;
    this.ordered = [...orderByKind(input.plugins).values()].flat();
  }

  async reload(config: HooksConfig): Promise<void> {
    this.#settings = await settle(this.#plugins, config, this.log);
    this.conflicts = config.hooks?.conflicts === 'error' ? 'error' : config.debug ? 'tell' : 'ignore';
    this.#build();
  }

  /** Takes all plugins of a package out of the table. */
  leaveOut(owner: string, reason: string): void {
    this.#failed.set(owner, reason);
    this.#build();
  }

  states(): HookPluginState[] {
    return this.#plugins.map((plugin) => {
      const error = this.#failed.get(plugin.ref.package) ?? this.#settings.get(plugin)?.error;
      const enabled = this.#settings.get(plugin)?.enabled === true && error === undefined;
      return {
        ...plugin.ref,
        kind: plugin.kind,
        points: plugin.points,
        enabled,
        optional: plugin.optional,
        ...(error === undefined ? {} : { error }),
      };
    });
  }

  statsOf(plugin: HookPlugin, point: PointName): PointStats {
    const key = `${plugin.uri} ${point}`;
    const stats = this.#stats.get(key) ?? new PointStats();
    this.#stats.set(key, stats);
    return stats;
  }

  #build(): void {
    const table = new Map<PointName, Subscription[]>();
    for (const plugin of this.ordered) {
      const settings = this.#settings.get(plugin);
      if (!settings?.enabled || this.#failed.has(plugin.ref.package)) continue;
      const log = this.log.withTag?.(plugin.ref.id) ?? this.log;
      for (const point of plugin.points)
        table.set(point, [...(table.get(point) ?? []), this.#subscribe(plugin, point, { settings, log })]);
    }
    this.table = table;
  }

  #subscribe(plugin: HookPlugin, point: PointName, parts: { settings: PluginSettings; log: PluginLog }): Subscription {
    const { settings, log } = parts;
    const row: PointData = points[point];
    const method = plugin.object[methodOfPoint(point)] as (...args: unknown[]) => unknown; // `points` lists functions only
    const owner = { plugin: plugin.ref, point, stats: this.statsOf(plugin, point) };
    return {
      ...owner,
      policy: settings.onError ?? row.policy,
      timeoutMs: settings.timeoutMs ?? row.timeoutMs,
      config: settings.config,
      log,
      optional: plugin.optional,
      call: scoped(owner, plugin.object, method),
    };
  }
}
