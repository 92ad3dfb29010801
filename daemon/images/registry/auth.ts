/*
 * Credentials for one registry: Basic, or Bearer tokens fetched from the realm that a challenge names (GET with user and password, or the OAuth2 POST with an
 * identity token), cached by scope until they expire.
 */
import { internal } from '../../errors/error.ts';
import type { AuthConfig } from '../../types/docker/image.ts';
import { parseChallenges } from './challenge.ts';
import { RegistryError, refusal } from './errors.ts';
import { type HttpClient, type HttpRequest, type HttpResponse, readAll, type TlsOptions } from './http.ts';

interface Token {
  value: string;
  expiresMs: number;
}

interface TokenAnswer {
  token?: string;
  access_token?: string;
  refresh_token?: string;
  expires_in?: number;
}

const clientId = 'pouchd';

/** See above. One for each endpoint and user; it lives as long as the operation. */
export class Authorizer {
  readonly #http: HttpClient;
  readonly #auth: AuthConfig;
  readonly #tokens = new Map<string, Token>();
  #basic: string | undefined;
  #identityToken = '';

  constructor(http: HttpClient, auth: AuthConfig = {}) {
    this.#http = http;
    this.#auth = withPlainFields(auth);
  }

  /** What a token server gave for the next time, for `POST /auth`. */
  get identityToken(): string {
    return this.#identityToken;
  }

  get hasCredentials(): boolean {
    return Boolean(this.#auth.username || this.#auth.identitytoken || this.#auth.registrytoken);
  }

  /** The Authorization header to try first; undefined until a challenge has told the way. */
  header(scope: string): string | undefined {
    if (this.#auth.registrytoken) return `Bearer ${this.#auth.registrytoken}`;
    if (this.#basic) return this.#basic;
    const token = this.#tokens.get(scope);
    return token && token.expiresMs > Date.now() ? `Bearer ${token.value}` : undefined;
  }

  /** Answers a 401: the header to try again with, or undefined when there is nothing (more) to try. */
  async answer(
    response: HttpResponse,
    scope: string,
    { tls, signal }: { tls: TlsOptions; signal?: AbortSignal },
  ): Promise<string | undefined> {
    const challenges = parseChallenges(response.headers['www-authenticate']);
    const bearer = challenges.find((challenge) => challenge.scheme === 'bearer' && challenge.parameters['realm']);
    if (bearer) {
      this.#tokens.delete(scope);
      const token = await this.#fetchToken(bearer.parameters, scope, { tls, signal });
      this.#tokens.set(scope, token);
      return `Bearer ${token.value}`;
    }
    if (!challenges.some((challenge) => challenge.scheme === 'basic') || !this.#auth.username) return undefined;
    if (this.#basic) return undefined; // it was refused
    this.#basic = basicOf(this.#auth);
    return this.#basic;
  }

  async #fetchToken(
    parameters: Readonly<Record<string, string>>,
    scope: string,
    { tls, signal }: { tls: TlsOptions; signal?: AbortSignal },
  ): Promise<Token> {
    const realm = new URL(parameters['realm']!);
    const scopes = scope || parameters['scope'] || '';
    const request = this.#auth.identitytoken
      ? this.#oauth(realm, parameters['service'] ?? '', scopes)
      : this.#get(realm, parameters['service'] ?? '', scopes);
    const response = await this.#http.send({ ...request, signal }, tls);
    if (response.status !== 200) {
      const error = await refusal(request, response);
      if (response.status !== 401 || error.code !== 'UNAUTHORIZED' || error.message.startsWith('unauthorized:')) throw error;
      throw new RegistryError('unauthorized: incorrect username or password', { code: 'UNAUTHORIZED', status: 401 });
    }
    const answer = JSON.parse((await readAll(response, 1024 * 1024)).toString('utf8')) as TokenAnswer; // its fields are checked here
    const value = answer.token || answer.access_token;
    if (!value) throw internal('authorization server did not include a token in the response');
    if (answer.refresh_token) this.#identityToken = answer.refresh_token;
    return { value, expiresMs: Date.now() + (Math.max(60, Number(answer.expires_in ?? 60)) - 10) * 1000 };
  }

  #get(realm: URL, service: string, scopes: string): HttpRequest {
    if (service) realm.searchParams.set('service', service);
    for (const scope of scopes.split(' ').filter(Boolean)) realm.searchParams.append('scope', scope);
    const { username } = this.#auth;
    if (username) {
      realm.searchParams.set('account', username);
      realm.searchParams.set('client_id', clientId);
      realm.searchParams.set('offline_token', 'true');
    }
    return { method: 'GET', url: realm, headers: username ? { authorization: basicOf(this.#auth) } : {} };
  }

  #oauth(realm: URL, service: string, scopes: string): HttpRequest {
    const form = new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token: this.#auth.identitytoken ?? '',
      service,
      client_id: clientId,
      scope: scopes,
    });
    return {
      method: 'POST',
      url: realm,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: Buffer.from(form.toString()),
    };
  }
}

function basicOf({ username = '', password = '' }: AuthConfig): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/** Old clients send `auth` (base64 of `user:password`) instead of the two. */
function withPlainFields(auth: AuthConfig): AuthConfig {
  if (auth.username || !auth.auth) return auth;
  const text = Buffer.from(auth.auth, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? auth : { ...auth, username: text.slice(0, colon), password: text.slice(colon + 1) };
}
