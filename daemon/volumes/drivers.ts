import type { DriverVolume, VolumeDriver } from '../../hookplugins/volume-driver.ts';
import { isKind, messageOf, notFound } from '../errors/error.ts';
import { deadlineSignal, withDeadline } from '../lib/deadline.ts';

/** Limits of Docker's volume plugin protocol. */
const limitMs = { create: 120_000, mount: 120_000, other: 60_000 };

/** Finds a driver that is not compiled in (an out-of-process plugin); undefined when there is none of that name. */
export type DriverLookup = (name: string) => Promise<VolumeDriver | undefined>;

/** The drivers beside `local`, each call with a time limit. */
export class Drivers {
  readonly #compiled: ReadonlyMap<string, VolumeDriver>;
  readonly #lookup: DriverLookup | undefined;
  readonly #found = new Map<string, VolumeDriver>();

  constructor(compiled: ReadonlyMap<string, VolumeDriver>, lookup?: DriverLookup) {
    this.#compiled = compiled;
    this.#lookup = lookup;
  }

  /** All drivers that are known by now, `local` not among them. */
  known(): VolumeDriver[] {
    return [...this.#compiled.values(), ...this.#found.values()];
  }

  /** Throws notFound with Docker's text. */
  async get(name: string): Promise<VolumeDriver> {
    const driver = this.#compiled.get(name) ?? this.#found.get(name) ?? (await this.#lookup?.(name));
    if (!driver) throw notFound(`error looking up volume plugin ${name}: plugin ${JSON.stringify(name)} not found`);
    if (!this.#compiled.has(name)) this.#found.set(name, driver);
    return driver;
  }

  async create(driver: VolumeDriver, name: string, options: Readonly<Record<string, string>>): Promise<void> {
    await call(`volume driver ${driver.name}: create ${name}`, limitMs.create, (signal) =>
      driver.create(name, options, { signal }),
    );
  }

  async remove(driver: VolumeDriver, name: string): Promise<void> {
    await call(`volume driver ${driver.name}: remove ${name}`, limitMs.other, (signal) => driver.remove(name, { signal }));
  }

  /** Undefined when the driver does not know the volume, whether it says so by undefined or by a notFound error. */
  async find(driver: VolumeDriver, name: string): Promise<DriverVolume | undefined> {
    try {
      return await call(`volume driver ${driver.name}: get ${name}`, limitMs.other, (signal) => driver.get(name, { signal }));
    } catch (error) {
      if (isKind(error, 'notFound')) return undefined;
      throw error;
    }
  }

  async mount(driver: VolumeDriver, name: string, id: string): Promise<string> {
    return await call(`volume driver ${driver.name}: mount ${name}`, limitMs.mount, (signal) =>
      driver.mount(name, id, { signal }),
    );
  }

  async unmount(driver: VolumeDriver, name: string, id: string): Promise<void> {
    await call(`volume driver ${driver.name}: unmount ${name}`, limitMs.other, (signal) => driver.unmount(name, id, { signal }));
  }

  /** What all drivers list, and a warning for each that fails. */
  async listAll(): Promise<{ volumes: { driver: VolumeDriver; volume: DriverVolume }[]; warnings: string[] }> {
    const warnings: string[] = [];
    const lists = this.known().map(async (driver) => {
      try {
        const volumes = await call(`volume driver ${driver.name}: list`, limitMs.other, (signal) => driver.list({ signal }));
        return volumes.map((volume) => ({ driver, volume }));
      } catch (error) {
        warnings.push(`list volumes of driver ${driver.name}: ${messageOf(error)}`);
        return [];
      }
    });
    return { volumes: (await Promise.all(lists)).flat(), warnings };
  }
}

async function call<T>(what: string, ms: number, work: (signal: AbortSignal) => T | Promise<T>): Promise<T> {
  return await withDeadline(Promise.resolve(work(deadlineSignal(ms))), ms + 50, what);
}
