import { isKind } from '../../errors/error.ts';
import type { VolumeCreateConfig } from '../../types/docker/volume.ts';
import type { VolumeService } from '../../volumes/contract.ts';
import { queryBoolean, queryFilters } from '../http/query.ts';
import type { Route, Routes } from '../http/route.ts';
import { isBefore } from '../http/version.ts';
import { checkCreate } from './check.ts';

/** What these routes need. */
export type VolumesBackend = Pick<VolumeService, 'create' | 'get' | 'list' | 'remove' | 'prune'>;

/** The volume endpoints of the Docker API. */
export const volumeRoutes: Routes<VolumesBackend> = (backend): Route[] => [
  {
    method: 'GET',
    path: '/volumes',
    handler: async (request) => await backend.list(queryFilters(request.query)),
  },
  {
    method: 'POST',
    path: '/volumes/create',
    async handler(request, reply) {
      const volume = await backend.create(checkCreate(request.body) satisfies VolumeCreateConfig, { signal: request.signal });
      reply.code(201);
      return volume;
    },
  },
  {
    method: 'POST',
    path: '/volumes/prune',
    async handler(request) {
      const filters = queryFilters(request.query, ['all', 'label', 'label!']);
      // Before 1.42 prune took named volumes too.
      return await backend.prune(isBefore(request.apiVersion, '1.42') ? { ...filters, all: ['true'] } : filters);
    },
  },
  {
    method: 'GET',
    path: '/volumes/:name',
    handler: async (request) => await backend.get(request.params['name'] ?? ''),
  },
  {
    method: 'DELETE',
    path: '/volumes/:name',
    async handler(request, reply) {
      const force = queryBoolean(request.query, 'force');
      try {
        await backend.remove(request.params['name'] ?? '', { force });
      } catch (error) {
        if (!(force && isKind(error, 'notFound'))) throw error;
      }
      reply.code(204);
    },
  },
];
