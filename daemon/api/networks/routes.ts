import { notFound } from '../../errors/error.ts';
import { queryFilters, queryText } from '../http/query.ts';
import type { Route, Routes } from '../http/route.ts';
import type { NetworksBackend } from './backend.ts';
import { checkConnect, checkCreate, checkDisconnect } from './check.ts';

/** The network endpoints of the Docker API. */
export const networkRoutes: Routes<NetworksBackend> = ({ networks, containers }): Route[] => [
  {
    method: 'GET',
    path: '/networks',
    handler: (request) => networks.list(queryFilters(request.query)),
  },
  {
    method: 'GET',
    path: '/networks/:id',
    handler(request) {
      const ref = request.params['id'] ?? '';
      const found = networks.inspect(ref);
      const scope = queryText(request.query, 'scope');
      if (scope && scope !== found.Scope) throw notFound(`network ${ref} not found`);
      return found;
    },
  },
  {
    method: 'POST',
    path: '/networks/create',
    async handler(request, reply) {
      const { id, warning } = await networks.create(checkCreate(request.body), { signal: request.signal });
      reply.code(201);
      return { Id: id, Warning: warning };
    },
  },
  {
    method: 'POST',
    path: '/networks/:id/connect',
    async handler(request) {
      const { container, settings } = checkConnect(request.body);
      await containers.networkConnect(request.params['id'] ?? '', container, settings);
    },
  },
  {
    method: 'POST',
    path: '/networks/:id/disconnect',
    async handler(request) {
      const { container, force } = checkDisconnect(request.body);
      await containers.networkDisconnect(request.params['id'] ?? '', container, force);
    },
  },
  {
    method: 'POST',
    path: '/networks/prune',
    async handler(request) {
      const names = await networks.prune(queryFilters(request.query));
      return { NetworksDeleted: names.length > 0 ? names : null }; // Go's nil slice
    },
  },
  {
    method: 'DELETE',
    path: '/networks/:id',
    async handler(request, reply) {
      await networks.remove(request.params['id'] ?? '');
      reply.code(204);
    },
  },
];
