import type { Metadata } from '@grpc/grpc-js';
import { forbidden, invalidArgument } from '../errors/error.ts';
import { ForwardRequest } from '../types/gen/containerd/events.ts';
import {
  CreateNamespaceRequest,
  DeleteNamespaceRequest,
  GetNamespaceRequest,
  ListNamespacesResponse,
  UpdateNamespaceRequest,
} from '../types/gen/containerd/namespaces.ts';
import { Envelope } from '../types/gen/containerd/types.ts';
import type { NamespacePolicy } from './contract.ts';
import type { MethodRule } from './pass-through.ts';

const header = 'containerd-namespace';

/** What the policy does to the method at `path`. Without a list of allowed namespaces only the default is filled in and nothing is decoded. */
export function ruleFor(path: string, policy: NamespacePolicy): MethodRule {
  const { allowed } = policy;
  const isFree = global.has(path.split('/')[1] ?? '') || path === '/containerd.services.events.v1.Events/Subscribe';
  const check = (namespace: string) => {
    if (allowed && !allowed.has(namespace)) throw forbidden(`namespace ${namespace} is not offered here`);
  };
  const headers = (metadata: Metadata) => {
    const given = metadata.get(header);
    if (given.length > 1) throw invalidArgument(`${header} is given ${given.length} times`); // containerd would take one of them
    if (given.length === 0) metadata.set(header, policy.default);
    if (!isFree) check(String(metadata.get(header)[0]));
  };
  return allowed ? { headers, ...guards(path, allowed, check) } : { headers };
}

/** Services whose calls do not act in the namespace of the header. */
const global = new Set([
  'containerd.services.namespaces.v1.Namespaces',
  'containerd.services.version.v1.Version',
  'grpc.health.v1.Health',
]);

/** Methods that name namespaces in their messages. */
function guards(path: string, allowed: ReadonlySet<string>, check: (namespace: string) => void): Partial<MethodRule> {
  switch (path) {
    case '/containerd.services.namespaces.v1.Namespaces/Get':
      return { request: (bytes) => check(GetNamespaceRequest.decode(bytes).name) };
    case '/containerd.services.namespaces.v1.Namespaces/Create':
      return { request: (bytes) => check(CreateNamespaceRequest.decode(bytes).namespace?.name ?? '') };
    case '/containerd.services.namespaces.v1.Namespaces/Update':
      return { request: (bytes) => check(UpdateNamespaceRequest.decode(bytes).namespace?.name ?? '') };
    case '/containerd.services.namespaces.v1.Namespaces/Delete':
      return { request: (bytes) => check(DeleteNamespaceRequest.decode(bytes).name) };
    case '/containerd.services.namespaces.v1.Namespaces/List':
      return {
        response(bytes) {
          const namespaces = ListNamespacesResponse.decode(bytes).namespaces.filter((one) => allowed.has(one.name));
          return Buffer.from(ListNamespacesResponse.encode({ namespaces }).finish());
        },
      };
    case '/containerd.services.events.v1.Events/Forward':
      return { request: (bytes) => check(ForwardRequest.decode(bytes).envelope?.namespace ?? '') };
    case '/containerd.services.events.v1.Events/Subscribe':
      return { response: (bytes) => (allowed.has(Envelope.decode(bytes).namespace) ? bytes : undefined) };
    default:
      return {};
  }
}
