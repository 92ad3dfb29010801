import type { Route } from '../http/route.ts';
import { archiveRoutes } from './archive-routes.ts';
import type { ProcessesBackend } from './backend.ts';
import { execRoutes } from './exec-routes.ts';
import { streamRoutes } from './stream-routes.ts';

/** All endpoints on processes and files of containers. */
export function processesRoutes(backend: ProcessesBackend): Route[] {
  return [...execRoutes(backend), ...streamRoutes(backend), ...archiveRoutes(backend)];
}
