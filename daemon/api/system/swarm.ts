import { notImplemented, unavailable } from '../../errors/error.ts';
import type { Method, Route } from '../http/route.ts';

const notManager =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';

const kinds = ':kind(^(?:services|nodes|tasks|secrets|configs)$)';

const managed: [Method, string][] = [
  ['GET', '/swarm'],
  ['POST', '/swarm/update'],
  ['GET', '/swarm/unlockkey'],
  ['POST', '/swarm/unlock'],
  ['GET', `/${kinds}`],
  ...(['GET', 'POST', 'DELETE'] as const).map((method): [Method, string] => [method, `/${kinds}/*`]),
];

/** The swarm endpoints of a node that is in no swarm, with Docker's texts; a swarm cannot be made here. */
export function swarmRoutes(): Route[] {
  const unsupported = (): never => {
    throw notImplemented('swarm mode is not supported by pouchd');
  };
  const outside = (): never => {
    throw unavailable('This node is not part of a swarm');
  };
  return [
    ...managed.map(
      ([method, path]): Route => ({
        method,
        path,
        handler() {
          throw unavailable(notManager);
        },
      }),
    ),
    { method: 'POST', path: '/swarm/init', handler: unsupported },
    { method: 'POST', path: '/swarm/join', handler: unsupported },
    { method: 'POST', path: '/swarm/leave', handler: outside },
  ];
}
