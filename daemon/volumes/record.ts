import type { Volume } from '../types/docker/volume.ts';

/** The saved half of a volume: one row of the `volumes` table, for volumes of all drivers. */
export interface VolumeRecord {
  name: string;
  driver: string;
  labels: Record<string, string> | null;
  options: Record<string, string> | null;
  createdAt: string;
}

/** The label of volumes that got a generated name; clients from API 1.42 on prune only these. */
export const anonymousLabel = 'com.docker.volume.anonymous';

/** A volume as the API tells it. */
export function volumeOf(
  record: VolumeRecord,
  mountpoint: string,
  more: { scope?: 'local' | 'global'; status?: Record<string, unknown> } = {},
): Volume {
  return {
    CreatedAt: record.createdAt,
    Driver: record.driver,
    Labels: record.labels,
    Mountpoint: mountpoint,
    Name: record.name,
    Options: record.options,
    Scope: more.scope ?? 'local',
    ...(more.status && { Status: more.status }),
  };
}
