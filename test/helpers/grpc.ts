import * as path from 'node:path';
import type { DaemonConfig } from '../../daemon/config/contract.ts';
import { defaultConfig } from '../../daemon/config/load.ts';
import type { GrpcDoor } from '../../daemon/grpc/door.ts';
import { initAll, type PluginSet } from '../../hookplugins/init.ts';
import { collectRegistrations, type Registration, register, types } from '../../hookplugins/registry.ts';
import type { TestContainerd } from './containerd.ts';

/** The gRPC room in a graph of its own, before a containerd of the test. */
export interface TestGrpc extends AsyncDisposable {
  /** First address it listens at, without `unix://`. */
  readonly socket: string;
  readonly addresses: readonly string[];
  readonly plugins: PluginSet;
}

/** Builds the graph from the room's own registrations and `more`, and opens the door. */
export async function startGrpc(
  ctrd: TestContainerd,
  grpc: Partial<DaemonConfig['grpc']> = {},
  more: readonly Registration[] = [],
): Promise<TestGrpc> {
  const config = defaultConfig();
  const socket = path.join(ctrd.dir, 'grpc.sock');
  config.grpc = { ...config.grpc, hosts: [`unix://${socket}`], ...grpc };
  config.containerdNamespace = ctrd.client.namespace;
  const registrations = await collectRegistrations(async () => {
    register({ type: types.config, id: 'daemon', initFn: () => config });
    register({ type: types.log, id: 'daemon', initFn: () => Object.create(ctrd.log) });
    register({ type: types.ctrd, id: 'containerd', initFn: () => ({ client: ctrd.client, supervisor: ctrd.supervisor }) });
    for (const one of more) register(one);
    await import(`../../daemon/grpc/plugin.ts?${Math.random()}`);
  });
  const plugins = await initAll(registrations, {
    root: path.join(ctrd.dir, 'plugins'),
    state: path.join(ctrd.dir, 'plugins'),
    log: ctrd.log,
  });
  const door = plugins.getById<GrpcDoor>(types.api, 'grpc');
  await door.open();
  return { socket, addresses: door.addresses, plugins, [Symbol.asyncDispose]: () => plugins.close() };
}
