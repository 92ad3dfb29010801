import type { InitContext } from '../../hookplugins/context.ts';
import { register, types } from '../../hookplugins/registry.ts';
import type { DaemonConfig } from '../config/contract.ts';
import { socketGroup } from '../config/group.ts';
import type { Ctrd } from '../ctrd/contract.ts';
import type { Logger } from '../lib/log.ts';
import type { GrpcService, NamespacePolicy } from './contract.ts';
import { GrpcDoor } from './door.ts';
import { createIntrospection } from './introspection.ts';
import { createHandedOn, handedOn } from './services.ts';
import { createUpstream, type Upstream } from './upstream.ts';

// As in containerd each service is a registration of its own, and can be left out by `disabled_plugins`.
for (const [id, methods] of Object.entries(handedOn)) {
  register({
    type: types.grpc,
    id,
    requires: [types.config, types.ctrd, types.internal],
    initFn: (ctx) => createHandedOn(methods, ctx.getById<Upstream>(types.internal, 'grpc-upstream'), policy(ctx)),
  });
}

register({
  type: types.grpc,
  id: 'introspection',
  requires: [types.config],
  initFn: (ctx) => createIntrospection({ plugins: () => ctx.getAll(), root: ctx.base.root }),
});

register({
  type: types.internal,
  id: 'grpc-upstream',
  requires: [types.ctrd],
  initFn: (ctx) => createUpstream(ctx.getSingle<Ctrd>(types.ctrd).supervisor),
});

// Not of type grpc: it is no service, and initialises apart from them.
register({
  type: types.api,
  id: 'grpc',
  requires: [types.config, types.log],
  initFn: (ctx) => {
    const { grpc, group } = ctx.getSingle<DaemonConfig>(types.config);
    return new GrpcDoor({
      hosts: grpc.hosts,
      tls: grpc.tls,
      group: () => socketGroup(group),
      services: () => services(ctx),
      log: ctx.getSingle<Logger>(types.log).withTag('grpc'),
    });
  },
});

/** Looked up when the door opens: by then every plugin is initialised. */
function services(ctx: InitContext): GrpcService[] {
  const rows = ctx.getAll().filter((one) => one.type === types.grpc && one.status === 'ok');
  return rows.map((one) => one.instance as GrpcService); // what the type is for
}

function policy(ctx: InitContext): NamespacePolicy {
  const { grpc, containerdNamespace } = ctx.getSingle<DaemonConfig>(types.config);
  return { allowed: grpc.namespaces.length > 0 ? new Set(grpc.namespaces) : undefined, default: containerdNamespace };
}
