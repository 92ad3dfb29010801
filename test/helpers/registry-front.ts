import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the front does to requests before the real registry behind it sees them. */
export interface FrontOptions {
  /** Bearer tokens: only this user gets one. `identityToken` is taken and given as well. */
  readonly token?: { username: string; password: string; identityToken?: string };
  /** Sends blob downloads to another port of the loopback, as registries with a content network do. */
  readonly redirectsBlobs?: boolean;
  /** Cuts the connection of each blob's first downloads after so many bytes. */
  readonly cutAfterBytes?: number;
  /** Answers 503 to so many GETs before it lets them through. */
  readonly busyTimes?: number;
  /** Sends other bytes than asked for. */
  readonly corruptsBlobs?: boolean;
}

/** A registry with troubles. */
export interface RegistryFront extends AsyncDisposable {
  readonly host: string;
  /** `METHOD path authorization-scheme range`, in order. */
  readonly seen: string[];
}

/** Puts a front before a real registry: what it does beyond passing on is said by its options. */
export async function startRegistryFront(upstream: string, options: FrontOptions): Promise<RegistryFront> {
  const seen: string[] = [];
  const tokens = new Map<string, string>();
  const cut = new Set<string>();
  let busy = options.busyTimes ?? 0;
  let blobHost = '';

  const answer = (incoming: IncomingMessage, response: ServerResponse): void => {
    const url = new URL(incoming.url ?? '/', 'http://front');
    const { authorization = '', range = '' } = incoming.headers;
    seen.push([incoming.method, url.pathname, authorization.split(' ')[0], range].filter(Boolean).join(' '));
    if (url.pathname === '/token') {
      giveToken(incoming, response, url);
      return;
    }
    if (incoming.method === 'GET' && busy > 0 && url.pathname !== '/v2/') {
      busy--;
      response.writeHead(503).end();
      return;
    }
    if (options.token && !allows(url, incoming.method ?? '', authorization)) {
      const scope = scopeOf(url.pathname, incoming.method ?? '');
      const challenge = `Bearer realm="http://${incoming.headers.host}/token",service="front"${scope ? `,scope="${scope}"` : ''}`;
      const body = '{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}';
      response.writeHead(401, { 'www-authenticate': challenge, 'content-type': 'application/json' }).end(body);
      return;
    }
    const isBlobGet = incoming.method === 'GET' && url.pathname.includes('/blobs/');
    if (options.redirectsBlobs && isBlobGet) {
      response.writeHead(307, { location: `http://${blobHost}${url.pathname}` }).end();
      return;
    }
    passOn(incoming, response, isBlobGet ? url.pathname : undefined);
  };

  const passOn = (incoming: IncomingMessage, response: ServerResponse, blob: string | undefined): void => {
    const { authorization: _mine, ...headers } = incoming.headers;
    const [hostname, port] = upstream.split(':');
    const outgoing = request({ hostname, port, method: incoming.method, path: incoming.url, headers }, (answered) => {
      response.writeHead(answered.statusCode ?? 500, answered.headers);
      let sent = 0;
      answered.on('data', (part: Buffer) => {
        const limit = blob && options.cutAfterBytes && !cut.has(blob) ? options.cutAfterBytes : Number.POSITIVE_INFINITY;
        const allowed = part.subarray(0, Math.max(0, limit - sent));
        sent += allowed.length;
        if (blob && options.corruptsBlobs) allowed[0] = (allowed[0] ?? 0) ^ 0xff;
        response.write(allowed, () => {
          if (sent < limit || cut.has(blob ?? '')) return;
          cut.add(blob ?? '');
          response.destroy();
        });
      });
      answered.on('end', () => response.end());
    });
    outgoing.on('error', () => response.destroy());
    incoming.pipe(outgoing);
  };

  const giveToken = (incoming: IncomingMessage, response: ServerResponse, url: URL): void => {
    let form = '';
    incoming.on('data', (part: Buffer) => {
      form += part.toString();
    });
    incoming.on('end', () => {
      const fields = new URLSearchParams(form);
      const [, basic = ''] = (incoming.headers.authorization ?? '').split(' ');
      const { username, password, identityToken } = options.token!;
      const isUser = Buffer.from(basic, 'base64').toString() === `${username}:${password}`;
      const isHolder = identityToken !== undefined && fields.get('refresh_token') === identityToken;
      if (!isUser && !isHolder) {
        response.writeHead(401, { 'content-type': 'application/json' }).end('{"details":"incorrect username or password"}');
        return;
      }
      const value = `t${tokens.size}`;
      tokens.set(value, fields.get('scope') ?? url.searchParams.getAll('scope').join(' '));
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ token: value, expires_in: 300, ...(isUser ? { refresh_token: identityToken } : {}) }));
    });
  };

  const allows = (url: URL, method: string, authorization: string): boolean => {
    const scopes = tokens.get(authorization.replace(/^Bearer /, ''));
    if (scopes === undefined) return false;
    const wanted = scopeOf(url.pathname, method);
    return !wanted || scopes.split(' ').some((scope) => scope === wanted || scope === wanted.replace(/:pull$/, ':pull,push'));
  };

  const server = createServer(answer);
  const blobs = createServer((incoming, response) => {
    seen.push(`BLOBHOST ${incoming.method} ${(incoming.headers.authorization ?? 'none').split(' ')[0]}`);
    passOn(incoming, response, incoming.url ?? '');
  });
  const listen = (one: typeof server) =>
    new Promise<string>((resolve) =>
      one.listen(0, '127.0.0.1', () => resolve(`127.0.0.1:${(one.address() as AddressInfo).port}`)),
    );
  const host = await listen(server);
  blobHost = await listen(blobs);
  const close = (one: typeof server) =>
    new Promise<void>((resolve) => {
      one.closeAllConnections();
      one.close(() => resolve());
    });
  return { host, seen, [Symbol.asyncDispose]: async () => void (await Promise.all([close(server), close(blobs)])) };
}

function scopeOf(path: string, method: string): string {
  const repository = /^\/v2\/(.+)\/(?:manifests|blobs|tags)\//.exec(path)?.[1];
  return repository ? `repository:${repository}:${method === 'GET' || method === 'HEAD' ? 'pull' : 'pull,push'}` : '';
}
