import type { Volume, VolumeCreateConfig } from '../types/docker/volume.ts';

/** How a container uses a volume; only told in the `mount` event. */
export interface MountDetails {
  destination?: string;
  readOnly?: boolean;
  propagation?: string;
}

/**
 * The volumes room. A *reference* is held by each container that names a volume, from create to remove: a referenced volume cannot be
 * removed (`remove NAME: volume is in use - [ID]`). A *mount* is held while a container runs (drivers see Mount and Unmount with its id).
 */
export interface VolumeService {
  /** Runs `preVolumeCreate`; an existing volume of the same driver is returned as it is. Sets `anonymous` for generated names. */
  create(request: VolumeCreateConfig, options?: { signal?: AbortSignal }): Promise<Volume>;
  /** Throws notFound `get NAME: no such volume`. */
  get(name: string): Promise<Volume>;
  list(filters?: Record<string, string[]>): Promise<{ Volumes: Volume[]; Warnings: string[] | null }>;
  remove(name: string, options?: { force?: boolean }): Promise<void>;
  /** Unused volumes with a generated name; all unused ones with the filter `all`. */
  prune(filters?: Record<string, string[]>): Promise<{ VolumesDeleted: string[]; SpaceReclaimed: number }>;

  reference(name: string, containerId: string): void;
  release(name: string, containerId: string): void;
  /** Host path of the volume's content; mounts it first where the driver or the options need that. */
  mount(name: string, containerId: string, details?: MountDetails): Promise<string>;
  unmount(name: string, containerId: string): Promise<void>;
  /** Copy-up: fills an empty volume from a folder of the image (modes, owners, links kept); does nothing when it holds anything. */
  populate(name: string, sourceDir: string): Promise<void>;
  /** For `system df`: bytes and reference counts. */
  usage(): Promise<Volume[]>;
}
