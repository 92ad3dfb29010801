import { invalidArgument } from '../../errors/error.ts';
import { queryList } from '../http/query.ts';
import type { ApiRequest } from '../http/route.ts';
import { isBefore } from '../http/version.ts';
import type { SystemBackend } from './backend.ts';

const kinds = ['container', 'image', 'volume', 'build-cache'] as const;

/** `GET /system/df`: what images, containers and volumes take; from 1.42 on `type` asks for some of it only. */
export async function diskUsage(backend: SystemBackend, request: ApiRequest): Promise<object> {
  const asked = isBefore(request.apiVersion, '1.42') ? [] : queryList(request.query, 'type');
  for (const one of asked) if (!(kinds as readonly string[]).includes(one)) throw invalidArgument(`unknown object type: ${one}`);
  const wants = (kind: (typeof kinds)[number]): boolean => asked.length === 0 || asked.includes(kind);
  const [images, containers, volumes, layersSize] = await Promise.all([
    wants('image') ? (backend.images?.summaries({ sharedSize: true }) ?? []) : undefined,
    wants('container') ? (backend.containers?.lifecycle.list({ all: true, size: true }) ?? []) : undefined,
    wants('volume') ? (backend.volumes?.usage() ?? []) : undefined,
    wants('image') ? (backend.images?.layersSize() ?? 0) : undefined,
  ]);
  if (images) {
    const users = Map.groupBy(backend.containers?.table.all() ?? [], (one) => one.record.imageId);
    for (const image of images) image.Containers = users.get(image.Id)?.length ?? 0;
  }
  return {
    ...(images && { LayersSize: layersSize, Images: images }),
    ...(containers && { Containers: containers }),
    ...(volumes && { Volumes: volumes }),
    ...(wants('build-cache') && { BuildCache: isBefore(request.apiVersion, '1.42') ? null : [] }),
    ...(isBefore(request.apiVersion, '1.42') && { BuilderSize: 0 }),
  };
}
