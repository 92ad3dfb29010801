/** Wire shapes of the Docker Engine API for volumes, in Docker's spelling. */

/** The body of `POST /volumes/create`; what `preVolumeCreate` plugins see and change in place. An empty Name asks for a generated one. */
export interface VolumeCreateConfig {
  Name?: string;
  Driver?: string;
  DriverOpts?: Record<string, string> | null;
  Labels?: Record<string, string> | null;
}

export interface Volume {
  Name: string;
  Driver: string;
  Mountpoint: string;
  CreatedAt: string;
  Labels: Record<string, string> | null;
  Scope: 'local' | 'global';
  Options: Record<string, string> | null;
  Status?: Record<string, unknown>;
  /** Only in `system df`: bytes and the number of containers that use it. */
  UsageData?: { Size: number; RefCount: number };
}
