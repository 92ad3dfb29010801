import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { ApiCall } from '../../../hookplugins/shapes.ts';
import type { ApiRequest } from './route.ts';

/** The request as plugins see it: `api.preRequest`, `api.postResponse` and authorization. */
export function apiCall(request: ApiRequest): ApiCall {
  const url = request.raw.url ?? '/';
  const at = url.indexOf('?');
  return {
    id: request.id,
    method: request.method,
    path: at < 0 ? url : url.slice(0, at),
    query: at < 0 ? '' : url.slice(at + 1),
    version: request.apiVersion,
    headers: request.headers,
    client: clientOf(request.raw),
  };
}

function clientOf(raw: IncomingMessage): ApiCall['client'] {
  const socket = raw.socket as TLSSocket; // getPeerCertificate is there for TLS only, which is asked first
  const address = socket.remoteAddress ? `${socket.remoteAddress}:${socket.remotePort}` : 'unix';
  const subject = socket.encrypted && socket.authorized ? socket.getPeerCertificate().subject : undefined;
  const name = subject?.CN;
  const user = Array.isArray(name) ? name[0] : name;
  return user ? { address, user, authMethod: 'TLS' } : { address };
}
