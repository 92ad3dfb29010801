import type { AuthConfig } from '../../types/docker/image.ts';
import type { Reference } from '../reference.ts';
import { Endpoint, type EndpointOptions } from './endpoint.ts';
import { HttpClient } from './http.ts';
import { Repository } from './repository.ts';

/** What the daemon's configuration says about registries. */
export interface RegistryConfig {
  readonly insecureRegistries: readonly string[];
  readonly registryMirrors: readonly string[];
}

const hubHost = 'registry-1.docker.io';

/** Connections for one operation; disposing closes them. */
export interface RegistrySession extends Disposable {
  /** Where the repository may be had, in order: for Docker Hub the mirrors first. Credentials go to the last, the registry itself. */
  readonly repositories: readonly Repository[];
  /** The registry itself. */
  readonly origin: Repository;
}

/** Opens a repository by its name. Nothing is sent yet. */
export function openRepository(
  reference: Pick<Reference, 'domain' | 'path'>,
  config: RegistryConfig,
  auth?: AuthConfig,
): RegistrySession {
  const http = new HttpClient();
  const origin = new Repository(
    openEndpoint(reference.domain, { http, auth, insecureRegistries: config.insecureRegistries }),
    reference.path,
  );
  const mirrors = reference.domain === 'docker.io' ? config.registryMirrors : [];
  const repositories = mirrors.map((mirror) => {
    const url = new URL(mirror.endsWith('/') ? mirror : `${mirror}/`);
    return new Repository(
      new Endpoint(url.host, { http, insecureRegistries: config.insecureRegistries, mirror: url }),
      reference.path,
    );
  });
  return { repositories: [...repositories, origin], origin, [Symbol.dispose]: () => http.close() };
}

/** The endpoint of a registry by the name that references carry. */
export function openEndpoint(domain: string, options: EndpointOptions): Endpoint {
  return new Endpoint(domain === 'docker.io' || domain === 'index.docker.io' ? hubHost : domain, options);
}
