import { invalidArgument } from '../../errors/error.ts';
import type { AuthConfig } from '../../types/docker/image.ts';
import type { ApiRequest } from '../http/route.ts';

/** Credentials of `X-Registry-Auth` (base64url JSON). Docker takes what it cannot read as none. */
export function registryAuth(request: Pick<ApiRequest, 'headers'>): AuthConfig | undefined {
  const text = request.headers['x-registry-auth'];
  if (typeof text !== 'string' || text === '') return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as AuthConfig) : undefined; // every field is optional text
  } catch {
    return undefined;
  }
}

/** Credentials of `X-Registry-Config`, by registry: what a build may need for its base images. Throws invalidArgument. */
export function registryConfig(request: Pick<ApiRequest, 'headers'>): Record<string, AuthConfig> {
  const text = request.headers['x-registry-config'];
  if (typeof text !== 'string' || text === '') return {};
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, AuthConfig>) : {}; // fields are optional
  } catch (error) {
    throw invalidArgument('invalid X-Registry-Config header', error);
  }
}
