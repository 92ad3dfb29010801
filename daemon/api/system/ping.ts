import { pingHeaders } from '../http/headers.ts';
import type { ApiReply, Route } from '../http/route.ts';

/** `/_ping`. The front door answers it by itself when no plugin wants to see it; this is the same answer through the routes. */
export function pingRoutes(): Route[] {
  const ping = (_request: unknown, reply: ApiReply): unknown => {
    for (const [name, value] of Object.entries(pingHeaders)) reply.header(name, value);
    reply.header('content-type', 'text/plain; charset=utf-8');
    return 'OK';
  };
  return [
    { method: 'GET', path: '/_ping', handler: ping },
    { method: 'HEAD', path: '/_ping', handler: ping },
  ];
}
