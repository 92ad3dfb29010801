import { invalidArgument, notImplemented } from '../../errors/error.ts';
import { wire } from '../../errors/wire.ts';
import type { AuthConfig } from '../../types/docker/image.ts';
import type { Route, Routes } from '../http/route.ts';
import type { SystemBackend } from './backend.ts';
import { diskUsage } from './disk-usage.ts';
import { streamEvents } from './events.ts';
import { health } from './health.ts';
import { systemInfo } from './info.ts';
import { pingRoutes } from './ping.ts';
import { swarmRoutes } from './swarm.ts';
import { versionInfo } from './version-info.ts';

/** The endpoints about the daemon as a whole. */
export const systemRoutes: Routes<SystemBackend> = (backend): Route[] => [
  ...pingRoutes(),
  { method: 'GET', path: '/version', handler: () => versionInfo(backend) },
  { method: 'GET', path: '/info', handler: (request) => systemInfo(backend, request.apiVersion) },
  { method: 'GET', path: '/events', handler: (request, reply) => streamEvents(backend, request, reply) },
  { method: 'GET', path: '/system/df', handler: (request) => diskUsage(backend, request) },
  {
    method: 'GET',
    path: '/health',
    async handler(_request, reply) {
      const answer = await health(backend);
      if (answer.status !== 'healthy') reply.code(wire.unavailable.http);
      return answer;
    },
  },
  {
    method: 'POST',
    path: '/auth',
    async handler(request) {
      const { body } = request;
      if (body === null || typeof body !== 'object' || Array.isArray(body))
        throw invalidArgument('invalid JSON: got EOF while reading request body');
      if (!backend.login) throw notImplemented('logging in to a registry is not built into this daemon');
      return await backend.login(body as AuthConfig); // every field of it is optional text; the images room judges them
    },
  },
  ...swarmRoutes(),
];
