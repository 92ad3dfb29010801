/** A volume as its driver tells it. */
export interface DriverVolume {
  name: string;
  /** Where it is on the host; may be missing while nobody has it mounted. */
  mountpoint?: string;
  /** RFC 3339. */
  createdAt?: string;
  status?: Record<string, unknown>;
}

/** What a call of a volume driver is about. */
export interface DriverCall {
  readonly signal: AbortSignal;
}

/**
 * A volume driver compiled in by `registerVolumeDriver`; the methods are those of Docker's volume plugin protocol. All may be async; errors go to the client
 * as they are.
 */
export interface VolumeDriver {
  /** The name after `--volume-driver` or `-d`; also the registration's id. */
  readonly name: string;
  /** `global` when the same volume is seen from every host; `local` when not said. */
  readonly scope?: 'local' | 'global';
  create(name: string, options: Readonly<Record<string, string>>, call: DriverCall): void | Promise<void>;
  remove(name: string, call: DriverCall): void | Promise<void>;
  get(name: string, call: DriverCall): DriverVolume | undefined | Promise<DriverVolume | undefined>;
  list(call: DriverCall): DriverVolume[] | Promise<DriverVolume[]>;
  /** Makes the volume usable for one container start, named by `id`, and returns where it is on the host. */
  mount(name: string, id: string, call: DriverCall): string | Promise<string>;
  /** Ends the mount of the same `id`. */
  unmount(name: string, id: string, call: DriverCall): void | Promise<void>;
}
