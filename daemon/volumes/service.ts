/*
 * The volumes room. Records of all volumes are in memory and in the store; one lock per name guards create, remove and mounts. References (a container names it) and
 * mounts (a container runs with it) are in memory only: the containers room tells them again when the daemon starts.
 */
import { conflict, isKind, messageOf, notFound, PouchError } from '../errors/error.ts';
import type { EventBus } from '../events/contract.ts';
import type { HookCaller } from '../hooks/contract.ts';
import { newId } from '../lib/id.ts';
import { KeyedMutex } from '../lib/keyed-mutex.ts';
import type { Logger } from '../lib/log.ts';
import { nowSecondsText } from '../lib/time.ts';
import type { Store } from '../store/contract.ts';
import type { Volume, VolumeCreateConfig } from '../types/docker/volume.ts';
import type { MountDetails, VolumeService } from './contract.ts';
import { diskUsage, fillEmpty } from './copy.ts';
import type { Drivers } from './drivers.ts';
import { checkPruneFilters, isPlain, isPrunable, listFilter } from './filter.ts';
import type { LocalDriver } from './local-driver.ts';
import { anonymousLabel, type VolumeRecord, volumeOf } from './record.ts';
import { Holders } from './users.ts';

/** What the room is made of. */
export interface VolumeDeps {
  readonly local: LocalDriver;
  readonly drivers: Drivers;
  readonly store: Pick<Store, 'all' | 'put' | 'delete'>;
  readonly events: Pick<EventBus, 'publish'>;
  readonly hooks: HookCaller;
  readonly log: Logger;
}

/** Builds the room and reads what the store has; local folders that nobody recorded but that hold something become volumes again. */
export function createVolumes(deps: VolumeDeps): VolumeService {
  const service = new Volumes(deps);
  service.restore();
  return service;
}

class Volumes implements VolumeService {
  readonly #deps: VolumeDeps;
  readonly #records = new Map<string, VolumeRecord>();
  readonly #references = new Holders();
  readonly #mounts = new Holders();
  /** Where drivers other than local have mounted their volumes. */
  readonly #mountpoints = new Map<string, string>();
  readonly #locks = new KeyedMutex();

  constructor(deps: VolumeDeps) {
    this.#deps = deps;
  }

  restore(): void {
    const { store, local } = this.#deps;
    for (const { id, value } of store.all<VolumeRecord>('volumes')) this.#records.set(id, value);
    for (const name of local.restore((known) => this.#records.get(known)?.driver === 'local')) {
      if (!this.#records.has(name))
        this.#save({ name, driver: 'local', labels: null, options: null, createdAt: nowSecondsText() });
    }
    for (const record of this.#records.values()) if (record.driver === 'local') local.create(record.name);
  }

  async create(request: VolumeCreateConfig, options: { signal?: AbortSignal } = {}): Promise<Volume> {
    const hooks = options.signal ? this.#deps.hooks.withSignal(options.signal) : this.#deps.hooks;
    await hooks.run('volume.preVolumeCreate', request);
    const isAnonymous = !request.Name;
    const name = request.Name || newId();
    return await this.#locks.run(name, async () => {
      const driver = request.Driver || 'local';
      const existing = this.#records.get(name);
      if (existing) {
        if (existing.driver === driver || !request.Driver) return await this.#tell(existing);
        throw conflict(refs(`create ${name}: volume name must be unique`, this.#references.of(name)));
      }
      const labels = isAnonymous ? { ...request.Labels, [anonymousLabel]: '' } : (request.Labels ?? null);
      const record: VolumeRecord = { name, driver, labels, options: request.DriverOpts ?? null, createdAt: nowSecondsText() };
      await this.#make(record);
      this.#save(record);
      this.#event('create', name, { driver });
      const volume = await this.#tell(record);
      await hooks.run('volume.postCreate', volume);
      return volume;
    });
  }

  async #make(record: VolumeRecord): Promise<void> {
    const { local, drivers } = this.#deps;
    await named(`create ${record.name}`, async () => {
      if (record.driver === 'local') {
        local.validate(record.name, record.options ?? {});
        local.create(record.name);
      } else await drivers.create(await drivers.get(record.driver), record.name, record.options ?? {});
    });
  }

  async get(name: string): Promise<Volume> {
    return await this.#tell(await this.#find(name));
  }

  /** The record, or one made on the spot for a volume that only its driver knows. Throws notFound. */
  async #find(name: string): Promise<VolumeRecord> {
    const record = this.#records.get(name);
    if (record) return record;
    for (const driver of this.#deps.drivers.known()) {
      const volume = await this.#deps.drivers.find(driver, name);
      if (volume) return { name, driver: driver.name, labels: null, options: null, createdAt: volume.createdAt ?? '' };
    }
    throw notFound(`get ${name}: no such volume`);
  }

  async #tell(record: VolumeRecord): Promise<Volume> {
    if (record.driver === 'local') return volumeOf(record, this.#deps.local.path(record.name));
    const driver = await this.#deps.drivers.get(record.driver);
    const seen = await this.#deps.drivers.find(driver, record.name);
    if (!seen) throw notFound(`get ${record.name}: no such volume`);
    const mountpoint = this.#mountpoints.get(record.name) ?? seen.mountpoint ?? '';
    return volumeOf({ ...record, createdAt: seen.createdAt ?? record.createdAt }, mountpoint, {
      scope: driver.scope,
      status: seen.status,
    });
  }

  async list(filters: Record<string, string[]> = {}): Promise<{ Volumes: Volume[]; Warnings: string[] | null }> {
    const accepts = listFilter(filters, (name) => this.#references.count(name) > 0);
    const { volumes: foreign, warnings } = await this.#deps.drivers.listAll();
    const volumes: Volume[] = [];
    for (const record of this.#records.values()) {
      if (record.driver === 'local') volumes.push(volumeOf(record, this.#deps.local.path(record.name)));
    }
    for (const { driver, volume } of foreign) {
      const saved = this.#records.get(volume.name);
      if (saved && saved.driver !== driver.name) continue; // hidden behind a volume of the same name
      const record = saved ?? { name: volume.name, driver: driver.name, labels: null, options: null, createdAt: '' };
      const mountpoint = this.#mountpoints.get(volume.name) ?? volume.mountpoint ?? '';
      volumes.push(
        volumeOf({ ...record, createdAt: volume.createdAt ?? record.createdAt }, mountpoint, {
          scope: driver.scope,
          status: volume.status,
        }),
      );
    }
    return { Volumes: volumes.filter(accepts), Warnings: warnings.length > 0 ? warnings : null }; // Go's nil slice
  }

  async remove(name: string, options: { force?: boolean } = {}): Promise<void> {
    await this.#locks.run(name, async () => {
      try {
        await this.#removeLocked(await this.#find(name));
      } catch (error) {
        if (!(options.force && isKind(error, 'notFound'))) throw error;
        this.#forget(name); // its driver has lost it: a forced removal makes that official
      }
    });
  }

  async #removeLocked(record: VolumeRecord): Promise<void> {
    const { name } = record;
    const users = this.#references.of(name);
    if (users.length > 0) throw conflict(refs(`remove ${name}: volume is in use`, users));
    const { local, drivers, hooks } = this.#deps;
    if (hooks.has('volume.preDelete')) await hooks.run('volume.preDelete', await this.#tell(record));
    await named(`remove ${name}`, async () => {
      if (record.driver === 'local') await local.remove(name);
      else await drivers.remove(await drivers.get(record.driver), name);
    });
    this.#forget(name);
    this.#event('destroy', name, { driver: record.driver });
  }

  async prune(filters: Record<string, string[]> = {}): Promise<{ VolumesDeleted: string[]; SpaceReclaimed: number }> {
    checkPruneFilters(filters);
    const doomed = [...this.#records.values()].filter(
      (one) => this.#references.count(one.name) === 0 && isPrunable(one, filters),
    );
    const sizes = await diskUsage(doomed.filter((one) => one.driver === 'local').map((one) => this.#deps.local.path(one.name)));
    const deleted: string[] = [];
    let reclaimed = 0;
    for (const { name } of doomed) {
      try {
        await this.remove(name);
        deleted.push(name);
        reclaimed += sizes.get(this.#deps.local.path(name)) ?? 0;
      } catch (error) {
        this.#deps.log.warn('volume not pruned', { volume: name, error: messageOf(error) });
      }
    }
    this.#event('prune', '', { reclaimed: String(reclaimed) });
    return { VolumesDeleted: deleted, SpaceReclaimed: reclaimed };
  }

  reference(name: string, containerId: string): void {
    this.#references.add(name, containerId);
  }

  release(name: string, containerId: string): void {
    this.#references.delete(name, containerId);
  }

  async mount(name: string, containerId: string, details: MountDetails = {}): Promise<string> {
    const record = await this.#find(name);
    const { hooks } = this.#deps;
    if (hooks.has('volume.preMount')) await hooks.run('volume.preMount', await this.#tell(record), containerId);
    const path = await this.#locks.run(name, () => this.#mountLocked(record, containerId));
    const { destination = '', readOnly = false, propagation = '' } = details;
    this.#event('mount', name, {
      container: containerId,
      driver: record.driver,
      destination,
      propagation,
      'read/write': String(!readOnly),
    });
    return path;
  }

  async #mountLocked(record: VolumeRecord, id: string): Promise<string> {
    const { local, drivers } = this.#deps;
    const { name } = record;
    let path = local.path(name);
    if (record.driver === 'local') {
      local.create(name);
      await local.mount(name, record.options ?? {});
    } else {
      const driver = await drivers.get(record.driver);
      path = await named(`error while mounting volume '${name}'`, () => drivers.mount(driver, name, id));
      this.#mountpoints.set(name, path);
    }
    this.#mounts.add(name, id);
    return path;
  }

  async unmount(name: string, containerId: string): Promise<void> {
    if (!this.#mounts.has(name, containerId)) return;
    const record = await this.#find(name);
    const { local, drivers, hooks } = this.#deps;
    await this.#locks.run(name, async () => {
      if (record.driver !== 'local') await drivers.unmount(await drivers.get(record.driver), name, containerId);
      const isLast = this.#mounts.delete(name, containerId);
      if (!isLast) return;
      if (record.driver === 'local') await local.unmount(name);
      else this.#mountpoints.delete(name);
    });
    this.#event('unmount', name, { container: containerId, driver: record.driver });
    if (hooks.has('volume.postUnmount')) await hooks.run('volume.postUnmount', await this.#tell(record), containerId);
  }

  async populate(name: string, sourceDir: string): Promise<void> {
    const record = await this.#find(name);
    const id = `populate-${newId()}`;
    const path = await this.#locks.run(name, () => this.#mountLocked(record, id));
    try {
      await this.#locks.run(name, () => fillEmpty(sourceDir, path));
    } finally {
      await this.#locks.run(name, async () => {
        if (record.driver !== 'local') await this.#deps.drivers.unmount(await this.#deps.drivers.get(record.driver), name, id);
        if (this.#mounts.delete(name, id) && record.driver === 'local') await this.#deps.local.unmount(name);
      });
    }
  }

  async usage(): Promise<Volume[]> {
    const Volumes = (await this.list()).Volumes.filter((one) => isPlain(one.Driver, one.Options));
    const sizes = await diskUsage(Volumes.filter((one) => one.Driver === 'local').map((one) => one.Mountpoint));
    return Volumes.map((one) => ({
      ...one,
      UsageData: { Size: sizes.get(one.Mountpoint) ?? -1, RefCount: this.#references.count(one.Name) },
    }));
  }

  #save(record: VolumeRecord): void {
    this.#deps.store.put('volumes', record.name, record);
    this.#records.set(record.name, record);
  }

  #forget(name: string): void {
    this.#deps.store.delete('volumes', name);
    this.#records.delete(name);
    this.#mountpoints.delete(name);
  }

  #event(action: string, id: string, attributes: Record<string, string>): void {
    this.#deps.events.publish({ type: 'volume', action, id, attributes });
  }
}

function refs(text: string, ids: readonly string[]): string {
  return ids.length > 0 ? `${text} - [${ids.join(', ')}]` : text;
}

/** Puts Docker's `OP NAME: ` before the message, and keeps the kind. */
async function named<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const kind = error instanceof PouchError ? error.kind : 'internal';
    throw new PouchError(kind, `${what}: ${messageOf(error)}`, { cause: error });
  }
}
